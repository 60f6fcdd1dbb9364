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
import dev.prenoise.shapes.CaptionTrial;
import dev.prenoise.shapes.Interval;
import dev.prenoise.shapes.Lesson;
import dev.prenoise.shapes.Lessons;
import dev.prenoise.shapes.Oracle;
import dev.prenoise.shapes.PromptSuite;
import dev.prenoise.shapes.Quality;
import dev.prenoise.shapes.ShapesImage;
import dev.prenoise.shapes.ShapesModel;
import dev.prenoise.shapes.ShapesVerifiers;
import dev.prenoise.shapes.Statistics;
import dev.prenoise.shapes.Verdict;
import dev.prenoise.shapes.World;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Question;
import dev.prenoise.verifier.Shot;
import dev.prenoise.verifier.Verifier;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.IntConsumer;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * How well the built-in world's small CLIP and its aesthetic head agree with the exact oracle and with the rule of {@link Quality}: on drawings
 * that they never saw, and on pictures that the built-in diffusion model draws, which none of their training had a part of.
 *
 * <p>Prompts come by rule, the suites of {@link PromptSuite} in turn. Intervals are 95 % percentile bootstraps over prompts.
 */
public final class VerifierAgreement {
    private static final int RESAMPLES = 2000;
    private static final int TRIALS = 200;
    private static final int GROUPS = 2;
    private static final int GROUP = 64;

    private final ModelCatalog catalog;
    private final long seed;
    private final int prompts;
    private final int candidates;

    /**
     * @param prompts how many, at least 2 and no more than come before one of a suite comes again
     * @param candidates pictures for each prompt, at least 2
     */
    public VerifierAgreement(ModelCatalog catalog, long seed, int prompts, int candidates) {
        if (prompts < 2 || candidates < 2) {
            throw new IllegalArgumentException(
                    "prompts: " + prompts + ", candidates: " + candidates + " (expected: >= 2, >= 2)");
        }
        PromptSuite smallest = Arrays.stream(PromptSuite.values())
                .min(Comparator.comparingInt(PromptSuite::size))
                .orElseThrow();
        int most = smallest.size() * PromptSuite.values().length;
        if (prompts > most) {
            throw new IllegalArgumentException("prompts: " + prompts + " (expected: 2 to " + most + ", as "
                    + smallest.id() + " has " + smallest.size() + ")");
        }
        this.catalog = catalog;
        this.seed = seed;
        this.prompts = prompts;
        this.candidates = candidates;
    }

    /**
     * A picture that was drawn.
     *
     * @param complete whether the oracle sees all that was asked for
     */
    private record Row(
            String prompt,
            int candidate,
            boolean complete,
            double oracle,
            double quality,
            double clip,
            double aesthetic) {}

    /**
     * Draws, judges, writes. Stopped in the middle, it goes on from the last finished prompt when it is called with the same folder; pictures
     * that are there already are not drawn again, but judged.
     *
     * @param folder gets {@code pictures.rgb} (64 x 64 x 3 bytes for each row), {@code pictures.csv} and {@code table.md}
     * @param progress is told how many prompts are done
     * @throws IllegalArgumentException when the folder holds a study of another seed or number of candidates
     * @throws UncheckedIOException when the folder cannot be written
     */
    public void run(Path folder, IntConsumer progress) {
        try (StudyFolder files =
                StudyFolder.open(folder, "verifiers, seed " + seed + ", " + candidates + " candidates", candidates)) {
            Model model = catalog.open(ShapesModel.ID);
            for (int i = files.prompts(); i < prompts; i++) {
                progress.accept(i);
                draw(model, i, files);
            }
            progress.accept(prompts);
            Verifier clip = catalog.verifiers().open(ShapesVerifiers.CLIP);
            Verifier aesthetic = catalog.verifiers().open(ShapesVerifiers.AESTHETIC);
            List<List<Row>> drawn = new ArrayList<>();
            for (int i = 0; i < prompts; i++) {
                drawn.add(judge(i, files, clip, aesthetic));
            }
            write(folder.resolve("pictures.csv"), drawn);
            try (PrintStream out =
                    new PrintStream(Files.newOutputStream(folder.resolve("table.md")), false, StandardCharsets.UTF_8)) {
                new Drawings(clip, aesthetic).print(out);
                new DrawnPictures(drawn).print(out);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(folder + ": " + e.getMessage(), e);
        }
    }

    private String prompt(int index) {
        return suite(index).prompt(seed, place(index));
    }

    private static PromptSuite suite(int index) {
        return PromptSuite.values()[index % PromptSuite.values().length];
    }

    private static int place(int index) {
        return index / PromptSuite.values().length;
    }

    private void draw(Model model, int index, StudyFolder files) throws IOException {
        try (PromptSession session =
                model.prepare(new PromptSpec(prompt(index), "", List.of()), SamplingSpec.DEFAULT, 0, 0)) {
            SeededCandidates source =
                    SeededCandidates.of(Seeds.derive(seed, 1, index), NoiseSource.TORCH_CPU, session.noiseShape());
            List<Picture> pictures = session.draw(IntStream.range(0, candidates)
                    .mapToObj(k ->
                            new SeededNoise(source.draw(k), source.recipe(k).seed()))
                    .toList());
            List<List<Double>> scores = pictures.stream()
                    .map(picture -> List.of(verdict(index, picture.rgb()).score()))
                    .toList();
            files.append(scores, pictures);
        }
    }

    private Verdict verdict(int index, byte[] rgb) {
        return Oracle.judge(ShapesImage.ofRgb(rgb), suite(index).goal(seed, place(index)));
    }

    private List<Row> judge(int index, StudyFolder files, Verifier clip, Verifier aesthetic) throws IOException {
        List<Picture> pictures = new ArrayList<>();
        for (int k = 0; k < candidates; k++) {
            pictures.add(new Picture(World.SIZE, World.SIZE, files.picture(index, k)));
        }
        double[] clips = score(clip, prompt(index), pictures);
        double[] looks = score(aesthetic, prompt(index), pictures);
        List<Row> rows = new ArrayList<>();
        for (int k = 0; k < candidates; k++) {
            byte[] rgb = pictures.get(k).rgb();
            Verdict verdict = verdict(index, rgb);
            rows.add(new Row(
                    prompt(index),
                    k,
                    verdict.isComplete(),
                    verdict.score(),
                    Quality.of(ShapesImage.ofRgb(rgb)),
                    clips[k],
                    looks[k]));
        }
        return rows;
    }

    private static double[] score(Verifier verifier, String prompt, List<Picture> pictures) {
        try (Judge judge = verifier.judge(Question.of(prompt))) {
            return judge.score(
                    pictures.stream().map(picture -> new Shot(picture, null)).toList());
        }
    }

    private static Picture picture(ShapesImage image) {
        return new Picture(World.SIZE, World.SIZE, image.toRgb());
    }

    private static void write(Path file, List<List<Row>> all) throws IOException {
        StringBuilder csv =
                new StringBuilder("prompt,candidate,complete,oracle,quality,shapes_clip,shapes_aesthetic\n");
        for (Row row : all.stream().flatMap(List::stream).toList()) {
            csv.append(String.format(
                    Locale.ROOT,
                    "\"%s\",%d,%d,%.4f,%.4f,%.5f,%.4f\n",
                    row.prompt(),
                    row.candidate(),
                    row.complete() ? 1 : 0,
                    row.oracle(),
                    row.quality(),
                    row.clip(),
                    row.aesthetic()));
        }
        Files.writeString(file, csv);
    }

    /** Pictures by rule. */
    private final class Drawings {
        private final Verifier clip;
        private final Verifier aesthetic;

        Drawings(Verifier clip, Verifier aesthetic) {
            this.clip = clip;
            this.aesthetic = aesthetic;
        }

        void print(PrintStream out) {
            out.printf(
                    Locale.ROOT,
                    "Drawings of seed %d. %d exact drawings of two objects: how often the right caption scores above one that is wrong in one way"
                            + " [95 %% interval].\n\n| wrong caption | right one above it, %% |\n|---|---|\n",
                    seed,
                    TRIALS);
            int[] won = new int[CaptionTrial.Kind.values().length];
            for (int i = 0; i < TRIALS; i++) {
                for (CaptionTrial trial : CaptionTrial.of(seed, i)) {
                    List<Picture> one = List.of(picture(trial.image()));
                    if (score(clip, trial.right(), one)[0] > score(clip, trial.wrong(), one)[0]) {
                        won[trial.kind().ordinal()]++;
                    }
                }
            }
            for (CaptionTrial.Kind kind : CaptionTrial.Kind.values()) {
                out.println("| " + kind.words() + " | " + percent(Statistics.proportion(won[kind.ordinal()], TRIALS))
                        + " |");
            }
            retrieval(out);
        }

        private void retrieval(PrintStream out) {
            int found = 0;
            double[] quality = new double[GROUPS * GROUP];
            double[] looks = new double[GROUPS * GROUP];
            for (int group = 0; group < GROUPS; group++) {
                int round = group;
                List<Lesson> lessons = IntStream.range(0, GROUP)
                        .mapToObj(i -> Lessons.lesson(seed, round, i))
                        .toList();
                List<Picture> pictures =
                        lessons.stream().map(lesson -> picture(lesson.image())).toList();
                boolean[][] truths = Lesson.truths(lessons);
                for (int j = 0; j < GROUP; j++) {
                    double[] scores = score(clip, lessons.get(j).caption(), pictures);
                    int best = IntStream.range(0, GROUP)
                            .boxed()
                            .max((a, b) -> Double.compare(scores[a], scores[b]))
                            .orElseThrow();
                    found += truths[best][j] ? 1 : 0;
                }
                double[] scores = score(aesthetic, "", pictures);
                for (int i = 0; i < GROUP; i++) {
                    quality[group * GROUP + i] = Quality.of(lessons.get(i).image());
                    looks[group * GROUP + i] = scores[i];
                }
            }
            out.printf(
                    Locale.ROOT,
                    "\nDrawings as in training, some objects failed, blurred, noisy: the picture that a caption scores highest among %d is one"
                            + " that it is true of: %s %% of %d captions. shapes-aesthetic against its rule: Spearman %.3f, mean error %.2f points,"
                            + " n = %d.\n",
                    GROUP,
                    percent(Statistics.proportion(found, GROUPS * GROUP)),
                    GROUPS * GROUP,
                    Statistics.spearman(looks, quality),
                    IntStream.range(0, quality.length)
                            .mapToDouble(i -> Math.abs(quality[i] - looks[i]))
                            .average()
                            .orElseThrow(),
                    quality.length);
        }
    }

    /** Pictures that the diffusion model drew. */
    private final class DrawnPictures {
        private final List<List<Row>> drawn;

        DrawnPictures(List<List<Row>> drawn) {
            this.drawn = drawn;
        }

        void print(PrintStream out) {
            long complete =
                    drawn.stream().flatMap(List::stream).filter(Row::complete).count();
            out.printf(
                    Locale.ROOT,
                    "\nPictures of the built-in diffusion model: %d prompts x %d seeds, seed %d, %d of %d complete to the oracle. [95 %% interval"
                            + " over prompts].\n\n| | shapes-clip | shapes-aesthetic |\n|---|---|---|\n",
                    prompts,
                    candidates,
                    seed,
                    complete,
                    prompts * candidates);
            line(out, "AUC for complete, all pictures together", VerifierAgreement::pooledAuc);
            line(out, "AUC for complete, within a prompt", VerifierAgreement::withinAuc);
            line(
                    out,
                    "Spearman with the oracle's score, all together",
                    (rows, score) -> pooledSpearman(rows, score, Row::oracle));
            line(
                    out,
                    "Spearman with the oracle's score, mean within a prompt",
                    (rows, score) -> withinSpearman(rows, score, Row::oracle));
            line(
                    out,
                    "Spearman with the rule's quality, all together",
                    (rows, score) -> pooledSpearman(rows, score, Row::quality));
            line(
                    out,
                    "Spearman with the rule's quality, mean within a prompt",
                    (rows, score) -> withinSpearman(rows, score, Row::quality));
            out.printf(
                    Locale.ROOT,
                    "\n| best of %d by | complete, %% | more than a random one, points | quality by the rule |\n|---|---|---|---|\n",
                    candidates);
            picks(out, "a random one", row -> 0);
            picks(out, "shapes-clip", Row::clip);
            picks(out, "shapes-aesthetic", Row::aesthetic);
            picks(out, "the rule of quality", Row::quality);
            picks(out, "the oracle", Row::oracle);
        }

        private void line(PrintStream out, String name, Measure measure) {
            out.println("| " + name + " | " + interval(measure, Row::clip) + " | " + interval(measure, Row::aesthetic)
                    + " |");
        }

        private String interval(Measure measure, ToDoubleFunction<Row> score) {
            Interval interval = Statistics.clusters(
                    drawn.size(),
                    chosen -> measure.of(
                            Arrays.stream(chosen).mapToObj(drawn::get).toList(), score),
                    RESAMPLES,
                    seed);
            return String.format(
                    Locale.ROOT, "%.3f [%.3f, %.3f]", interval.estimate(), interval.low(), interval.high());
        }

        private void picks(PrintStream out, String name, ToDoubleFunction<Row> score) {
            double[] random = picked(row -> 0, row -> row.complete() ? 1 : 0);
            double[] complete = picked(score, row -> row.complete() ? 1 : 0);
            Interval more = Statistics.difference(random, complete, RESAMPLES, seed);
            Interval quality = Statistics.mean(picked(score, Row::quality), RESAMPLES, seed);
            out.printf(
                    Locale.ROOT,
                    "| %s | %s | %+.1f [%+.1f, %+.1f] | %.2f [%.2f, %.2f] |\n",
                    name,
                    percent(Statistics.mean(complete, RESAMPLES, seed)),
                    100 * more.estimate(),
                    100 * more.low(),
                    100 * more.high(),
                    quality.estimate(),
                    quality.low(),
                    quality.high());
        }

        /** For each prompt the outcome of the picture with the highest score, the mean over those that share it. */
        private double[] picked(ToDoubleFunction<Row> score, ToDoubleFunction<Row> outcome) {
            return drawn.stream()
                    .mapToDouble(rows -> {
                        double best = rows.stream().mapToDouble(score).max().orElseThrow();
                        return rows.stream()
                                .filter(row -> score.applyAsDouble(row) == best)
                                .mapToDouble(outcome)
                                .average()
                                .orElseThrow();
                    })
                    .toArray();
        }
    }

    /** How well a score does on prompts with their pictures. */
    @FunctionalInterface
    private interface Measure {
        double of(List<List<Row>> drawn, ToDoubleFunction<Row> score);
    }

    private static double pooledAuc(List<List<Row>> drawn, ToDoubleFunction<Row> score) {
        return auc(drawn.stream().flatMap(List::stream).toList(), score);
    }

    private static double auc(List<Row> rows, ToDoubleFunction<Row> score) {
        boolean[] complete = new boolean[rows.size()];
        IntStream.range(0, complete.length)
                .forEach(i -> complete[i] = rows.get(i).complete());
        return Statistics.auc(rows.stream().mapToDouble(score).toArray(), complete);
    }

    /** The mean over prompts that have both kinds of pictures. */
    private static double withinAuc(List<List<Row>> drawn, ToDoubleFunction<Row> score) {
        return drawn.stream()
                .mapToDouble(rows -> auc(rows, score))
                .filter(Double::isFinite)
                .average()
                .orElse(Double.NaN);
    }

    private static double pooledSpearman(
            List<List<Row>> drawn, ToDoubleFunction<Row> score, ToDoubleFunction<Row> other) {
        return spearman(drawn.stream().flatMap(List::stream).toList(), score, other);
    }

    private static double spearman(List<Row> rows, ToDoubleFunction<Row> score, ToDoubleFunction<Row> other) {
        return Statistics.spearman(
                rows.stream().mapToDouble(score).toArray(),
                rows.stream().mapToDouble(other).toArray());
    }

    /** The mean over prompts whose pictures differ. */
    private static double withinSpearman(
            List<List<Row>> drawn, ToDoubleFunction<Row> score, ToDoubleFunction<Row> other) {
        return drawn.stream()
                .mapToDouble(rows -> spearman(rows, score, other))
                .filter(Double::isFinite)
                .average()
                .orElse(Double.NaN);
    }

    private static String percent(Interval interval) {
        return String.format(
                Locale.ROOT,
                "%.1f [%.1f, %.1f]",
                100 * interval.estimate(),
                100 * interval.low(),
                100 * interval.high());
    }
}
