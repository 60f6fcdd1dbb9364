package dev.prenoise.study;

import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.ModelException;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.engine.UnknownBackboneException;
import dev.prenoise.engine.VerifierCatalog;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.VerifierException;
import dev.prenoise.verifier.VerifierOffer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has a study measured: puts the units that are missing into the queue, keeps the results that come back. Stopped at any moment, the same call
 * goes on from what the folder holds. Results of a unit that the plan no longer asks for stay there, unused.
 */
public final class StudyRun {
    private static final Logger LOG = LoggerFactory.getLogger(StudyRun.class);

    /** How long to wait for a result where others compute. */
    private static final Duration PATIENCE = Duration.ofSeconds(1);

    /** After so long without a result it is looked whether the queue still has what is missing. */
    private static final Duration DOUBT = Duration.ofSeconds(15);

    private final StudyPlan plan;
    private final Path folder;

    /** What a study tells while it runs. */
    public interface Progress {
        /**
         * @param known units whose results there are
         * @param of units in all
         */
        void units(int known, int of);
    }

    /**
     * @param folder created when missing; its {@code rows.jsonl} holds the results
     */
    public StudyRun(StudyPlan plan, Path folder) {
        this.plan = plan;
        this.folder = folder;
    }

    /**
     * @param worker computes here what the queue has; null = others do
     * @throws IllegalArgumentException when a unit cannot be computed, or the folder is in use
     */
    public void run(UnitQueue queue, @Nullable UnitWork worker, Progress progress)
            throws IOException, InterruptedException {
        Files.createDirectories(folder);
        try (ResultStore store = store()) {
            Map<String, Unit> missing = new LinkedHashMap<>();
            int all = 0;
            for (Unit unit : plan.units()) {
                all++;
                if (store.get(unit.id()) == null) {
                    missing.put(unit.id(), unit);
                }
            }
            progress.units(all - missing.size(), all);
            // of a run that was stopped; what failed then is tried again
            collect(queue, Duration.ZERO, store, missing, true);
            // of a plan that has changed since, under the same name of a queue: nobody would keep their results
            queue.retain(missing.keySet());
            queue.offer(missing.values());
            long heard = System.nanoTime();
            while (!missing.isEmpty()) {
                if (worker != null) {
                    work(queue, worker, Duration.ZERO);
                }
                if (collect(queue, worker == null ? PATIENCE : Duration.ZERO, store, missing, false)) {
                    heard = System.nanoTime();
                } else if (System.nanoTime() - heard > DOUBT.toNanos()) {
                    offerLost(queue, store, missing);
                    heard = System.nanoTime();
                }
                progress.units(all - missing.size(), all);
            }
        }
    }

    /**
     * A queue that lost its disk, or whose last words were lost when it was killed, has neither the unit nor its result. Counted first:
     * a unit that had left by then has left its result to be collected.
     */
    private static void offerLost(UnitQueue queue, ResultStore store, Map<String, Unit> missing)
            throws IOException, InterruptedException {
        long there = queue.units();
        collect(queue, Duration.ZERO, store, missing, false);
        if (there < missing.size()) {
            queue.offer(missing.values());
        }
    }

    private ResultStore store() throws IOException {
        return ResultStore.open(folder.resolve("rows.jsonl"));
    }

    /**
     * Computes one unit, if one comes.
     *
     * @return whether one came
     */
    static boolean work(UnitQueue queue, UnitWork worker, Duration patience) throws InterruptedException {
        try (UnitQueue.Delivery<Unit> delivery = queue.take(patience)) {
            if (delivery == null) {
                return false;
            }
            queue.report(computed(delivery.content(), worker));
            delivery.acknowledge();
            return true;
        }
    }

    /**
     * @throws IllegalArgumentException when it cannot be; names the unit
     */
    static UnitResult computed(Unit unit, UnitWork worker) {
        try {
            return worker.run(unit);
        } catch (IllegalArgumentException | VerifierException | ModelException | UnknownBackboneException e) {
            throw new IllegalArgumentException(named(unit) + ": " + e.getMessage(), e);
        }
    }

    /** For messages. */
    static String named(Unit unit) {
        String strategy = unit.strategy().kind().name().toLowerCase(Locale.ROOT) + " "
                + unit.strategy().loss()
                + String.join(" + ", unit.strategy().verifiers());
        return "\"" + unit.prompt().text() + "\", " + unit.backbone().id() + ", " + strategy.strip();
    }

    /**
     * @param again whether units that failed are missing as before
     * @return whether anything came
     * @throws IllegalArgumentException when one failed and is not tried again: what waits in the queue is withdrawn
     */
    private static boolean collect(
            UnitQueue queue, Duration patience, ResultStore store, Map<String, Unit> missing, boolean again)
            throws IOException, InterruptedException {
        Duration wait = patience;
        boolean came = false;
        while (true) {
            try (UnitQueue.Delivery<UnitResult> delivery = queue.result(wait)) {
                if (delivery == null) {
                    return came;
                }
                came = true;
                UnitResult result = delivery.content();
                Unit unit = missing.get(result.unit());
                if (unit != null && result.failure() == null) {
                    store.put(result);
                    missing.remove(result.unit());
                }
                // one that nobody waits for comes from a study that was stopped, or for the second time
                delivery.acknowledge();
                if (unit != null && result.failure() != null && !again) {
                    queue.withdraw();
                    throw new IllegalArgumentException(named(unit) + ": " + result.failure());
                }
                wait = Duration.ZERO;
            }
        }
    }

    /**
     * What the study has found, as files in its folder.
     *
     * @param setups how backbones draw; of one that is not among them the report says nothing of it
     * @throws IllegalStateException when a unit is missing
     */
    public void report(List<BackboneSetup> setups) throws IOException {
        try (ResultStore store = store()) {
            CandidateTable.write(folder.resolve("candidates.csv"), plan, store);
            StudyReport report = new StudyReport(plan, store, setups);
            Files.writeString(folder.resolve("summary.md"), report.markdown());
            Files.writeString(folder.resolve("summary.tex"), report.latex());
            Files.writeString(folder.resolve("report.html"), report.html());
            Set<String> names = new HashSet<>();
            for (Map.Entry<String, String> curves : report.curves().entrySet()) {
                String name = fileName(curves.getKey(), names);
                Files.writeString(folder.resolve("curves-" + name + ".svg"), curves.getValue());
            }
            Optional<String> missing = PixelPen.missing();
            if (missing.isPresent()) {
                LOG.warn("curves and contact sheets: no PNG, {}; SVG and report.html have them", missing.get());
                return;
            }
            write("curves-", report.curvePictures());
            write("sheet-", report.sheetPictures());
        }
    }

    private void write(String prefix, Map<String, byte[]> pictures) throws IOException {
        Set<String> names = new HashSet<>();
        for (Map.Entry<String, byte[]> picture : pictures.entrySet()) {
            Files.write(folder.resolve(prefix + fileName(picture.getKey(), names) + ".png"), picture.getValue());
        }
    }

    /**
     * @param taken by others, in lower case, as some file systems take them
     */
    static String fileName(String backbone, Set<String> taken) {
        String plain = backbone.replaceAll("[^A-Za-z0-9._-]+", "-");
        String name = plain;
        for (int i = 2; !taken.add(name.toLowerCase(Locale.ROOT)); i++) {
            name = plain + "-" + i;
        }
        return name;
    }

    /**
     * Finds before the first picture what could not be computed in the middle: reads every prompt with every backbone.
     *
     * @throws IllegalArgumentException when a metric's verifier, or a backbone, is not to be had, a prompt cannot be used, or a strategy cannot
     *     follow its verifier; names it
     */
    public static void check(StudyPlan plan, ModelCatalog catalog) {
        for (BackboneSetting backbone : plan.backbones()) {
            String id = catalog.resolve(backbone.id());
            String family = catalog.list().stream()
                    .filter(info -> info.id().equals(id))
                    .findFirst()
                    .map(info -> info.family())
                    .orElse("");
            for (Metric metric : plan.metrics()) {
                if (!metric.verifier().isEmpty()) {
                    resolve(catalog, metric, family);
                }
            }
        }
        List<StudyPrompt> prompts = plan.suites().stream()
                .flatMap(suite -> suite.prompts().stream())
                .distinct()
                .toList();
        checkMetrics(plan, catalog, prompts);
        for (BackboneSetting backbone : plan.backbones()) {
            for (StudyPrompt prompt : prompts) {
                checkPrompt(plan, catalog, backbone, prompt);
            }
        }
    }

    private static void checkMetrics(StudyPlan plan, ModelCatalog catalog, List<StudyPrompt> prompts) {
        if (plan.metrics().contains(new Metric(Metric.COMPLETE))) {
            prompts.forEach(prompt -> new Metric.CompleteJudge(prompt.text()).close());
        }
        List<VerifierOffer> offers = catalog.verifiers().list();
        plan.metrics().forEach(metric -> requireTemplates(metric, offers));
        for (Strategy strategy : plan.strategies()) {
            switch (strategy.kind()) {
                case FIRST_ORDER -> strategy.verifiers().forEach(name -> requireGradient(name, offers));
                case PATHS, ZERO_ORDER_THEN_PATHS ->
                    plan.metrics().forEach(metric -> requirePicturesAlone(metric, catalog, prompts.get(0)));
                default -> {}
            }
        }
    }

    private static void requireGradient(String name, List<VerifierOffer> offers) {
        Metric metric = new Metric(name);
        boolean followable = VerifierCatalog.offer(offers, metric.verifier())
                .filter(VerifierOffer::differentiable)
                .isPresent();
        if (metric.ofParts() || !followable) {
            throw new IllegalArgumentException(
                    "strategies: first-order by " + name
                            + ", which has no gradient (expected: a verifier that is differentiable, as capabilities lists them)");
        }
    }

    private static void requireTemplates(Metric metric, List<VerifierOffer> offers) {
        List<String> takers = offers.stream()
                .filter(offer -> offer.takes().contains(VerifierOffer.Extra.TEMPLATES))
                .map(VerifierOffer::name)
                .toList();
        if (metric.throughTemplates() && !takers.contains(metric.verifier())) {
            throw new IllegalArgumentException("metrics: " + metric.name() + " (expected before " + Metric.TEMPLATES
                    + ": a CLIP that reads prompts through them, one of " + String.join(", ", takers) + ")");
        }
    }

    private static void requirePicturesAlone(Metric metric, ModelCatalog catalog, StudyPrompt prompt) {
        try (Judge judge = metric.judge(catalog, prompt.text())) {
            if (judge.readsPrediction()) {
                throw new IllegalArgumentException(
                        "metrics: " + metric.name()
                                + " compares a picture with what it was predicted to be (expected: another metric, or no strategy over paths)");
            }
        }
    }

    private static void checkPrompt(
            StudyPlan plan, ModelCatalog catalog, BackboneSetting backbone, StudyPrompt prompt) {
        try (PromptSession session = UnitWork.prepare(catalog, backbone, prompt)) {
            if (plan.strategies().stream().anyMatch(strategy -> !strategy.loss().isEmpty())) {
                session.requireSubjects();
            }
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "suites: \"" + prompt.text() + "\" by " + backbone.name() + ": " + e.getMessage(), e);
        }
    }

    private static void resolve(ModelCatalog catalog, Metric metric, String family) {
        try {
            String name = catalog.verifiers().resolve("metrics", metric.verifier(), family);
            if (!name.equals(metric.verifier())) {
                throw new IllegalArgumentException(
                        "metrics: " + metric.verifier() + " (expected: the verifier's own name, here " + name + ")");
            }
        } catch (InvalidFieldException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }
}
