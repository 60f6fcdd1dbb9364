package dev.prenoise.study;

import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.engine.ModelCatalog;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Has a study measured: puts the units that are missing into the queue, keeps the results that come back. Stopped at any moment, the same call
 * goes on from what the folder holds. Results of a unit that the plan no longer asks for stay there, unused.
 */
public final class StudyRun {
    /** How long to wait for a result where others compute. */
    private static final Duration PATIENCE = Duration.ofSeconds(1);

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
            missing.values().forEach(queue::offer);
            while (!missing.isEmpty()) {
                if (worker != null) {
                    work(queue, worker, Duration.ZERO);
                }
                collect(queue, worker == null ? PATIENCE : Duration.ZERO, store, missing);
                progress.units(all - missing.size(), all);
            }
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
            queue.report(worker.run(delivery.content()));
            delivery.acknowledge();
            return true;
        }
    }

    private static void collect(UnitQueue queue, Duration patience, ResultStore store, Map<String, Unit> missing)
            throws IOException, InterruptedException {
        Duration wait = patience;
        while (true) {
            try (UnitQueue.Delivery<UnitResult> delivery = queue.result(wait)) {
                if (delivery == null) {
                    return;
                }
                UnitResult result = delivery.content();
                Unit unit = missing.get(result.unit());
                if (unit != null && result.failure() != null) {
                    delivery.acknowledge();
                    throw new IllegalArgumentException("\"" + unit.prompt().text() + "\": " + result.failure());
                }
                // one that nobody waits for comes from a study that was stopped, or for the second time
                if (unit != null) {
                    store.put(result);
                    missing.remove(result.unit());
                }
                delivery.acknowledge();
                wait = Duration.ZERO;
            }
        }
    }

    /**
     * What the study has found, as files in its folder.
     *
     * @throws IllegalStateException when a unit is missing
     */
    public void report() throws IOException {
        try (ResultStore store = store()) {
            CandidateTable.write(folder.resolve("candidates.csv"), plan, store);
            StudyReport report = new StudyReport(plan, store);
            Files.writeString(folder.resolve("summary.md"), report.markdown());
            Files.writeString(folder.resolve("summary.tex"), report.latex());
            Files.writeString(folder.resolve("report.html"), report.html());
            for (Map.Entry<String, String> curves : report.curves().entrySet()) {
                String name = curves.getKey().replaceAll("[^A-Za-z0-9._-]+", "-");
                Files.writeString(folder.resolve("curves-" + name + ".svg"), curves.getValue());
            }
        }
    }

    /**
     * @throws IllegalArgumentException when a metric's verifier, or a backbone, is not to be had; names it
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
