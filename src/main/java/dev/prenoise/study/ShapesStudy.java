package dev.prenoise.study;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.attention.LossForm;
import dev.prenoise.attention.TokenGroup;
import dev.prenoise.engine.Model;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.engine.PromptSpec;
import dev.prenoise.engine.SamplingSpec;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.noise.Seeds;
import dev.prenoise.search.SeededCandidates;
import dev.prenoise.shapes.BestOfN;
import dev.prenoise.shapes.Colour;
import dev.prenoise.shapes.Interval;
import dev.prenoise.shapes.Oracle;
import dev.prenoise.shapes.PromptGoal;
import dev.prenoise.shapes.PromptReading;
import dev.prenoise.shapes.Shape;
import dev.prenoise.shapes.ShapesImage;
import dev.prenoise.shapes.Statistics;
import dev.prenoise.shapes.Verdict;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.IntConsumer;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * How often the picture of the plain seed shows what the prompt asks for, and how often that of the noise which a loss picks among N: on
 * the built-in model, judged by its exact oracle.
 *
 * <p>Prompts come by rule, none picked by hand: "a C1 S1 and a C2 S2", shapes and colours each drawn without repetition from (seed,
 * index). For each prompt K candidates are scored by every loss and drawn, the first of them the plain seed. The value of picking among
 * N &lt;= K is its exact expectation over all subsets of N: the candidate on place r (from 0) of the K by loss is the best of N with
 * probability {@code C(K-1-r, N-1) / C(K, N)}. Intervals are 95 % percentile bootstraps over prompts.
 */
public final class ShapesStudy {
    private static final int RESAMPLES = 2000;
    private static final List<Integer> SIZES = List.of(1, 2, 4, 8, 16, 32, 64);

    private final Model model;
    private final long seed;
    private final int prompts;
    private final int candidates;

    /**
     * @param prompts how many, at least 2
     * @param candidates K for each prompt, at least 1
     */
    public ShapesStudy(Model model, long seed, int prompts, int candidates) {
        if (prompts < 2 || candidates < 1) {
            throw new IllegalArgumentException(
                    "prompts: " + prompts + ", candidates: " + candidates + " (expected: >= 2, >= 1)");
        }
        this.model = model;
        this.seed = seed;
        this.prompts = prompts;
        this.candidates = candidates;
    }

    /**
     * One candidate of one prompt.
     *
     * @param shown whether the picture has everything that the prompt asks for
     * @param exact whether it has nothing else besides
     */
    private record Row(
            String prompt, int candidate, long noiseSeed, List<Double> losses, boolean shown, boolean exact) {}

    /**
     * Scores, draws and judges. Stopped in the middle, it goes on from the last finished prompt when it is called with the same folder.
     *
     * @param folder gets {@code candidates.csv}, {@code pictures.rgb} (64 x 64 x 3 bytes for each row) and {@code table.md}
     * @param progress is told how many prompts are done
     * @throws IllegalArgumentException when the folder holds a study of another seed or number of candidates
     * @throws UncheckedIOException when the folder cannot be written
     */
    public void run(Path folder, IntConsumer progress) {
        try (StudyFolder files =
                StudyFolder.open(folder, "seed " + seed + ", " + candidates + " candidates", candidates)) {
            for (int i = files.prompts(); i < prompts; i++) {
                progress.accept(i);
                generate(i, files);
            }
            progress.accept(prompts);
            List<List<Row>> all = new ArrayList<>();
            for (int i = 0; i < prompts; i++) {
                all.add(judge(i, files));
            }
            write(folder.resolve("candidates.csv"), all);
            try (PrintStream out =
                    new PrintStream(Files.newOutputStream(folder.resolve("table.md")), false, StandardCharsets.UTF_8)) {
                out.printf(
                        Locale.ROOT,
                        "%d prompts x %d candidates, seed %d. %% of pictures [95 %% interval].%n",
                        prompts,
                        candidates,
                        seed);
                print(out, "everything asked for is there", all, Row::shown);
                print(out, "and nothing else", all, Row::exact);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(folder + ": " + e.getMessage(), e);
        }
    }

    private String prompt(int index) {
        SplittableRandom random = new SplittableRandom(Seeds.derive(seed, 0, index));
        List<Shape> shapes = shuffledPair(Shape.values(), random);
        List<Colour> colours = shuffledPair(Colour.values(), random);
        return "a " + colours.get(0).word() + " " + shapes.get(0).word() + " and a "
                + colours.get(1).word() + " " + shapes.get(1).word();
    }

    private static <T> List<T> shuffledPair(T[] values, SplittableRandom random) {
        int first = random.nextInt(values.length);
        int second = random.nextInt(values.length - 1);
        return List.of(values[first], values[second < first ? second : second + 1]);
    }

    private void generate(int index, StudyFolder files) throws IOException {
        List<AttentionLoss> losses = losses();
        try (PromptSession session =
                model.prepare(new PromptSpec(prompt(index), "", List.of()), SamplingSpec.DEFAULT, 0, 0)) {
            List<TokenGroup> subjects = session.subjects().stream()
                    .map(subject -> new TokenGroup(subject.tokenIndices()))
                    .toList();
            SeededCandidates source = candidates(index, session.noiseShape());
            List<Noise> noises =
                    IntStream.range(0, candidates).mapToObj(source::draw).toList();
            List<List<Double>> scores = new ArrayList<>();
            for (Noise noise : noises) {
                AttentionMaps maps = session.maps(noise);
                scores.add(losses.stream()
                        .map(loss -> loss.evaluate(maps, subjects, false).loss())
                        .toList());
            }
            List<SeededNoise> starts = IntStream.range(0, candidates)
                    .mapToObj(
                            i -> new SeededNoise(noises.get(i), source.recipe(i).seed()))
                    .toList();
            files.append(scores, session.draw(starts));
        }
    }

    private SeededCandidates candidates(int index, long[] shape) {
        return SeededCandidates.of(Seeds.derive(seed, 1, index), NoiseSource.TORCH_CPU, shape);
    }

    private List<Row> judge(int index, StudyFolder files) throws IOException {
        String prompt = prompt(index);
        if (!(PromptGoal.read(prompt) instanceof PromptReading.Understood understood)) {
            throw new IllegalStateException("prompt: \"" + prompt + "\" (expected: one of the built-in world)");
        }
        SeededCandidates source = candidates(index, new long[] {1, 1, 1, 1});
        List<Row> rows = new ArrayList<>();
        for (int k = 0; k < candidates; k++) {
            Verdict verdict = Oracle.judge(ShapesImage.ofRgb(files.picture(index, k)), understood.goal());
            rows.add(new Row(
                    prompt,
                    k,
                    source.recipe(k).seed(),
                    files.scores(index, k),
                    verdict.isComplete(),
                    verdict.isExact()));
        }
        return rows;
    }

    private static List<AttentionLoss> losses() {
        return AttentionLosses.names().stream()
                .map(name -> AttentionLosses.of(name, LossForm.RANKING))
                .toList();
    }

    private static void write(Path file, List<List<Row>> all) throws IOException {
        StringBuilder csv = new StringBuilder(
                "prompt,candidate,seed," + String.join(",", AttentionLosses.names()) + ",shown,exact\n");
        for (Row row : all.stream().flatMap(List::stream).toList()) {
            csv.append(row.prompt()).append(',').append(row.candidate()).append(',');
            csv.append(Long.toUnsignedString(row.noiseSeed()));
            row.losses().forEach(loss -> csv.append(',').append(loss));
            csv.append(',')
                    .append(row.shown() ? 1 : 0)
                    .append(',')
                    .append(row.exact() ? 1 : 0)
                    .append('\n');
        }
        Files.writeString(file, csv);
    }

    private void print(PrintStream out, String title, List<List<Row>> all, Predicate<Row> outcome) {
        List<Integer> sizes = SIZES.stream().filter(n -> n <= candidates).toList();
        out.print("\n| " + title + ", chosen by |");
        sizes.forEach(n -> out.print(" N = " + n + " |"));
        out.print(" gain over N = 1 |\n|---|");
        sizes.forEach(n -> out.print("---|"));
        out.println("---|");
        List<String> names = AttentionLosses.names();
        for (int loss = 0; loss < names.size(); loss++) {
            int column = loss;
            line(out, names.get(loss), sizes, all, row -> row.losses().get(column), outcome);
        }
        line(out, "the oracle itself", sizes, all, row -> outcome.test(row) ? 0 : 1, outcome);
    }

    private void line(
            PrintStream out,
            String name,
            List<Integer> sizes,
            List<List<Row>> all,
            ToDoubleFunction<Row> loss,
            Predicate<Row> outcome) {
        out.print("| " + name + " |");
        double[] one = expected(all, loss, outcome, 1);
        double[] last = one;
        for (int n : sizes) {
            last = expected(all, loss, outcome, n);
            Interval share = Statistics.mean(last, RESAMPLES, seed);
            out.printf(
                    Locale.ROOT, " %.1f [%.1f, %.1f] |", 100 * share.estimate(), 100 * share.low(), 100 * share.high());
        }
        Interval gain = Statistics.difference(one, last, RESAMPLES, seed);
        out.printf(
                Locale.ROOT, " %+.1f [%+.1f, %+.1f] |%n", 100 * gain.estimate(), 100 * gain.low(), 100 * gain.high());
    }

    /** For each prompt the expected outcome of the best of n. */
    private static double[] expected(List<List<Row>> all, ToDoubleFunction<Row> loss, Predicate<Row> outcome, int n) {
        return all.stream()
                .mapToDouble(rows -> BestOfN.expected(
                        rows.stream().mapToDouble(loss).toArray(),
                        rows.stream()
                                .mapToDouble(row -> outcome.test(row) ? 1 : 0)
                                .toArray(),
                        n))
                .toArray();
    }
}
