package dev.prenoise.study;

import dev.prenoise.engine.Model;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.engine.PromptSpec;
import dev.prenoise.engine.SamplingSpec;
import dev.prenoise.image.Picture;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.noise.Seeds;
import dev.prenoise.search.SeededCandidates;
import dev.prenoise.shapes.Interval;
import dev.prenoise.shapes.Oracle;
import dev.prenoise.shapes.PromptSuite;
import dev.prenoise.shapes.ShapesImage;
import dev.prenoise.shapes.Statistics;
import dev.prenoise.shapes.Verdict;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * How good diffusion models of the built-in world are: how many pictures of plain seeds show all that the prompt asks for, by the exact oracle,
 * for each suite of prompts. All models draw the same prompts from the same seeds, each with its own sampler, steps and guidance. Intervals are
 * 95 % percentile bootstraps over prompts.
 */
public final class ModelComparison {
    private static final int RESAMPLES = 2000;

    private final ModelCatalog catalog;
    private final List<String> models;
    private final List<PromptSuite> suites;
    private final long seed;
    private final int prompts;
    private final int candidates;

    /** Shares of complete pictures: of each model, one for each prompt. */
    private record Shares(String suite, List<double[]> ofModels) {}

    /**
     * @param models of the catalog; the first is what the others are compared to
     * @param seed of prompts, noises and intervals
     * @param prompts of each suite, at least 2 and at most as many as the smallest suite has: one that came twice would count as two
     * @param candidates pictures of each prompt, at least 1
     * @throws IllegalArgumentException when a number is out of its range, or nothing is to be compared
     */
    public ModelComparison(
            ModelCatalog catalog,
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
        this.models = models.stream().map(catalog::resolve).toList();
        this.suites = List.copyOf(suites);
        this.seed = seed;
        this.prompts = prompts;
        this.candidates = candidates;
    }

    /**
     * @param folder gets {@code pictures.csv}, which grows with each prompt, and {@code table.md}, which grows with each suite; those that are
     *     there already are overwritten
     * @param progress is told how many prompts are done
     * @throws UncheckedIOException when the folder cannot be written
     */
    public void run(Path folder, IntConsumer progress) {
        Path pictures = folder.resolve("pictures.csv");
        Path table = folder.resolve("table.md");
        try {
            Files.createDirectories(folder);
            Files.deleteIfExists(table);
            Files.writeString(pictures, "suite,prompt,candidate,model,complete,score\n");
            List<Shares> all = new ArrayList<>();
            for (PromptSuite suite : suites) {
                List<double[]> ofModels =
                        models.stream().map(model -> new double[prompts]).toList();
                for (int i = 0; i < prompts; i++) {
                    StringBuilder csv = new StringBuilder();
                    for (int m = 0; m < models.size(); m++) {
                        ofModels.get(m)[i] = share(catalog.open(models.get(m)), models.get(m), suite, i, csv);
                    }
                    Files.writeString(pictures, csv, StandardOpenOption.APPEND);
                    progress.accept(all.size() * prompts + i + 1);
                }
                all.add(new Shares(suite.id(), ofModels));
                Files.writeString(table, table(all).markdown());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(folder + ": cannot be written: " + e, e);
        }
    }

    private double share(Model model, String name, PromptSuite suite, int index, StringBuilder csv) {
        int complete = 0;
        String prompt = suite.prompt(seed, index);
        List<Picture> pictures = draw(model, prompt, suite, index);
        for (int k = 0; k < candidates; k++) {
            Verdict verdict = Oracle.judge(ShapesImage.ofRgb(pictures.get(k).rgb()), suite.goal(seed, index));
            complete += verdict.isComplete() ? 1 : 0;
            csv.append(String.format(
                    Locale.ROOT,
                    "%s,\"%s\",%d,\"%s\",%d,%.4f\n",
                    suite.id(),
                    prompt,
                    k,
                    name,
                    verdict.isComplete() ? 1 : 0,
                    verdict.score()));
        }
        return complete / (double) candidates;
    }

    private List<Picture> draw(Model model, String prompt, PromptSuite suite, int index) {
        try (PromptSession session = model.prepare(new PromptSpec(prompt, "", List.of()), SamplingSpec.DEFAULT, 0, 0)) {
            SeededCandidates source = SeededCandidates.of(
                    Seeds.derive(seed, 1 + suite.ordinal(), index), NoiseSource.TORCH_CPU, session.noiseShape());
            return session.draw(IntStream.range(0, candidates)
                    .mapToObj(k ->
                            new SeededNoise(source.draw(k), source.recipe(k).seed()))
                    .toList());
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
