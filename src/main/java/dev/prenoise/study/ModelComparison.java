package dev.prenoise.study;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.noise.Seeds;
import dev.prenoise.shapes.Interval;
import dev.prenoise.shapes.OracleVerifier;
import dev.prenoise.shapes.PromptSuite;
import dev.prenoise.shapes.Statistics;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * How good diffusion models of the built-in world are: how many pictures of plain seeds show all that the prompt asks for, by the exact oracle,
 * for each suite of prompts. All models draw the same prompts from the same seeds, each with its own sampler, steps and guidance. Intervals are
 * 95 % percentile bootstraps over prompts.
 *
 * <p>A study of one kind of {@link Unit}: the pictures of one prompt by one model.
 */
public final class ModelComparison {
    private static final int RESAMPLES = 2000;
    private static final List<String> METRICS = List.of(Metric.COMPLETE, OracleVerifier.NAME);

    private final ModelCatalog catalog;
    private final String version;
    private final List<String> models;
    private final List<PromptSuite> suites;
    private final long seed;
    private final int prompts;
    private final int candidates;

    /** Shares of complete pictures: of each model, one for each prompt. */
    private record Shares(String suite, List<double[]> ofModels) {}

    /**
     * @param version of the program
     * @param models of the catalog; the first is what the others are compared to
     * @param seed of prompts, noises and intervals
     * @param prompts of each suite, at least 2 and at most as many as the smallest suite has: one that came twice would count as two
     * @param candidates pictures of each prompt, at least 1
     * @throws IllegalArgumentException when a number is out of its range, or nothing is to be compared
     */
    public ModelComparison(
            ModelCatalog catalog,
            String version,
            List<String> models,
            List<PromptSuite> suites,
            long seed,
            int prompts,
            int candidates) {
        if (prompts < 2 || candidates < 1) {
            throw new IllegalArgumentException(
                    "prompts: " + prompts + ", candidates: " + candidates + " (expected: >= 2, >= 1)");
        }
        if (models.isEmpty() || suites.isEmpty()) {
            throw new IllegalArgumentException(
                    "models: " + models + ", suites: " + suites + " (expected: at least one of each)");
        }
        for (PromptSuite suite : suites) {
            if (prompts > suite.size()) {
                throw new IllegalArgumentException("prompts: " + prompts + " (expected: 2 to " + suite.size()
                        + ", as many as " + suite.id() + " has)");
            }
        }
        this.catalog = catalog;
        this.version = version;
        this.models = models.stream().map(catalog::resolve).toList();
        this.suites = List.copyOf(suites);
        this.seed = seed;
        this.prompts = prompts;
        this.candidates = candidates;
    }

    /**
     * Draws, judges, writes. Stopped at any moment, the same call goes on from what {@code rows.jsonl} holds: what it has of the same version,
     * device and weights is not drawn again, whichever suites, models and how many prompts were asked for then.
     *
     * @param folder gets {@code rows.jsonl}, to which results are added; {@code pictures.csv}, which grows with each prompt, and
     *     {@code table.md}, which grows with each suite: those that are there already are overwritten
     * @param progress is told how many prompts are drawn, each once for each model
     * @throws IllegalArgumentException when a model cannot be used, or the folder is in use
     * @throws UncheckedIOException when the folder cannot be written
     */
    public void run(Path folder, StudyRun.Progress progress) throws InterruptedException {
        Path pictures = folder.resolve("pictures.csv");
        Path table = folder.resolve("table.md");
        Basis basis =
                Basis.of(models, METRICS.stream().map(Metric::new).toList(), catalog, version, Basis.device(catalog));
        try {
            Files.createDirectories(folder);
            try (ResultStore store = ResultStore.open(folder.resolve("rows.jsonl"))) {
                Files.deleteIfExists(table);
                Files.writeString(pictures, "suite,prompt,candidate,model,complete,score\n");
                Drawing drawing = new Drawing(store, basis, progress);
                List<Shares> all = new ArrayList<>();
                for (PromptSuite suite : suites) {
                    List<double[]> ofModels =
                            models.stream().map(model -> new double[prompts]).toList();
                    for (int i = 0; i < prompts; i++) {
                        StringBuilder csv = new StringBuilder();
                        for (int m = 0; m < models.size(); m++) {
                            List<UnitResult.Row> rows = drawing.rows(suite, i, models.get(m));
                            ofModels.get(m)[i] = rows.stream()
                                    .mapToDouble(ModelComparison::complete)
                                    .average()
                                    .orElseThrow();
                            write(csv, suite.id(), suite.prompt(seed, i), models.get(m), rows);
                        }
                        Files.writeString(pictures, csv, StandardOpenOption.APPEND);
                    }
                    all.add(new Shares(suite.id(), ofModels));
                    Files.writeString(table, table(all).markdown());
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(folder + ": cannot be written: " + e, e);
        }
    }

    /** Units, computed where the store has no result of them. */
    private final class Drawing {
        private final ResultStore store;
        private final Basis basis;
        private final StudyRun.Progress progress;
        private final UnitWork work = new UnitWork(catalog, version);
        private final int units;
        private int known;

        /** Tells what is known already. */
        Drawing(ResultStore store, Basis basis, StudyRun.Progress progress) {
            this.store = store;
            this.basis = basis;
            this.progress = progress;
            // a model that is compared to itself draws once
            Set<String> ids = new HashSet<>();
            for (PromptSuite suite : suites) {
                for (int i = 0; i < prompts; i++) {
                    for (String model : models) {
                        ids.add(unit(suite, i, model).id());
                    }
                }
            }
            units = ids.size();
            known = (int) ids.stream().filter(id -> store.get(id) != null).count();
            progress.units(known, units);
        }

        List<UnitResult.Row> rows(PromptSuite suite, int index, String model) throws IOException {
            Unit unit = unit(suite, index, model);
            UnitResult result = store.get(unit.id());
            if (result == null) {
                result = StudyRun.computed(unit, work);
                store.put(result);
                known++;
                progress.units(known, units);
            }
            return result.rows();
        }

        private Unit unit(PromptSuite suite, int index, String model) {
            BackboneSetting backbone = new BackboneSetting("", model, "", "", "", 0, 0, 0, 0);
            return new Unit(
                    backbone,
                    new StudyPrompt(suite.prompt(seed, index), List.of()),
                    Strategy.PICTURES.withoutName(),
                    candidates,
                    List.of(Seeds.derive(seed, 1 + suite.ordinal(), index)),
                    METRICS,
                    false,
                    basis.behind(backbone, METRICS),
                    null,
                    null);
        }
    }

    private static double complete(UnitResult.Row row) {
        return row.values().get(METRICS.indexOf(Metric.COMPLETE));
    }

    private static void write(StringBuilder csv, String suite, String prompt, String model, List<UnitResult.Row> rows) {
        for (UnitResult.Row row : rows) {
            csv.append(String.format(
                    Locale.ROOT,
                    "%s,\"%s\",%d,\"%s\",%.0f,%.4f\n",
                    suite,
                    prompt,
                    row.index(),
                    model,
                    complete(row),
                    row.values().get(METRICS.indexOf(OracleVerifier.NAME))));
        }
    }

    private Table table(List<Shares> all) {
        List<String> head = new ArrayList<>(List.of("complete, %"));
        head.addAll(models);
        models.stream().skip(1).forEach(model -> head.add(model + " less " + models.get(0) + ", points"));
        List<List<String>> rows = new ArrayList<>();
        all.forEach(shares -> rows.add(row(shares)));
        if (all.size() > 1) {
            rows.add(row(together(all)));
        }
        return new Table(
                "Pictures of plain seeds that show all that was asked for",
                head,
                rows,
                String.format(
                        Locale.ROOT,
                        "%d prompts of each suite x %d %s, seed %d. [95 %% interval over prompts]%s.",
                        prompts,
                        candidates,
                        candidates == 1 ? "seed" : "seeds",
                        seed,
                        all.size() > 1 ? "; that of \"all together\" takes the prompts of all suites as one" : ""));
    }

    private List<String> row(Shares shares) {
        List<String> cells = new ArrayList<>(List.of(shares.suite()));
        double[] first = shares.ofModels().get(0);
        shares.ofModels()
                .forEach(values -> cells.add(text("%.1f [%.1f, %.1f]", Statistics.mean(values, RESAMPLES, seed))));
        shares.ofModels().stream()
                .skip(1)
                .forEach(values ->
                        cells.add(text("%+.1f [%+.1f, %+.1f]", Statistics.difference(first, values, RESAMPLES, seed))));
        return cells;
    }

    private static Shares together(List<Shares> all) {
        List<double[]> ofModels = new ArrayList<>();
        for (int m = 0; m < all.get(0).ofModels().size(); m++) {
            int model = m;
            ofModels.add(all.stream()
                    .flatMapToDouble(shares -> Arrays.stream(shares.ofModels().get(model)))
                    .toArray());
        }
        return new Shares("all together", ofModels);
    }

    private static String text(String format, Interval share) {
        return String.format(Locale.ROOT, format, 100 * share.estimate(), 100 * share.low(), 100 * share.high());
    }
}
