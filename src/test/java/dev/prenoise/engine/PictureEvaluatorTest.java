package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.image.Picture;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.Candidate;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.PathEvaluator;
import dev.prenoise.search.PathPoint;
import dev.prenoise.search.Spend;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Question;
import dev.prenoise.verifier.Shot;
import dev.prenoise.verifier.VerifierException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** On the built-in model. */
class PictureEvaluatorTest {
    private static final PromptSpec PROMPT = new PromptSpec("a red circle and a blue square", "", List.of());
    private static final int STEPS = 8;

    @TempDir
    static Path cache;

    private static ModelCatalog catalog;

    @BeforeAll
    static void open() {
        catalog = Catalogs.create(cache, List.of(), "cpu");
    }

    @AfterAll
    static void close() {
        catalog.close();
    }

    @Test
    void evaluate_byTheOracle_scoresTheDrawnPicture() {
        PromptSpec prompt = new PromptSpec("two red stars and a blue square", "", List.of());
        try (PromptSession session =
                        catalog.open("shapes").prepare(prompt, new SamplingSpec("ddim", "", 4, 0, List.of()), 0, 0);
                Judge oracle = catalog.verifiers().open("oracle").judge(Question.of(prompt.text()))) {
            PathEvaluator evaluator =
                    session.pictures(new Panel(List.of(new Panel.Member("oracle", oracle, 1))), PictureOptions.plain());
            List<Noise> noises =
                    IntStream.range(0, 6).mapToObj(PictureEvaluatorTest::noise).toList();
            List<Evaluation> scored = evaluator.evaluate(noises);
            double[] drawn =
                    oracle.score(session
                            .draw(noises.stream()
                                    .map(noise -> new SeededNoise(noise, 5))
                                    .toList())
                            .stream()
                            .map(picture -> new Shot(picture, null))
                            .toList());
            assertThat(scored.stream().mapToDouble(Evaluation::score).toArray()).containsExactly(drawn);
            assertThat(scored.get(0).terms()).containsEntry("oracle", drawn[0]);
            assertThat(Arrays.stream(drawn).distinct().count()).isGreaterThan(1);
            assertThat(evaluator.lowerIsBetter()).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ddim", "euler_ancestral", "heun", "dpmpp_2m_sde"})
    void evaluateSeeded_byAnySampler_judgesThePictureThatIsDrawn(String sampler) {
        Watcher watcher = new Watcher();
        List<SeededNoise> noises = List.of(seeded(1), seeded(2), new SeededNoise(noise(2), 9), seeded(3), seeded(4));
        List<Picture> drawn;
        try (PromptSession session = session(sampler)) {
            drawn = session.draw(noises);
        }
        try (PromptSession session = session(sampler)) {
            session.pictures(panel(watcher), PictureOptions.plain()).evaluateSeeded(noises);
            assertThat(watcher.bytes()).isEqualTo(bytes(drawn));
            // from the cache, after others were drawn beside them
            assertThat(bytes(session.draw(List.of(seeded(4), seeded(7), seeded(1)))))
                    .element(0)
                    .isEqualTo(bytes(drawn).get(4));
        }
    }

    @Test
    void evaluate_withOtherSteps_drawsByThem() {
        Watcher few = new Watcher();
        Watcher drawn = new Watcher();
        try (PromptSession session = session("euler");
                PromptSession short3 = catalog.open("shapes")
                        .prepare(PROMPT, new SamplingSpec("euler", "karras", 3, 0, List.of()), 0, 0)) {
            PathEvaluator evaluator =
                    session.pictures(panel(few), new PictureOptions(3, 0, PictureOptions.Turns.ALONE, () -> false));
            evaluator.evaluateSeeded(List.of(seeded(1)));
            short3.pictures(panel(drawn), PictureOptions.plain()).evaluateSeeded(List.of(seeded(1)));
            assertThat(few.bytes()).isEqualTo(drawn.bytes());
            assertThat(bytes(session.draw(List.of(seeded(1))))).isNotEqualTo(few.bytes());
            assertThat(evaluator.cost()).isEqualTo(new Spend(0, 3, 3, 6));
            assertThatThrownBy(() -> session.pictures(
                            panel(few), new PictureOptions(1001, 0, PictureOptions.Turns.ALONE, () -> false)))
                    .isInstanceOf(InvalidFieldException.class)
                    .hasMessage("steps: 1001 (expected: 1 to 1000)");
        }
    }

    @Test
    void cost_ofTwoCallsAStep_countsEach() {
        try (PromptSession session = session("heun")) {
            assertThat(session.pictures(panel(new Watcher()), PictureOptions.plain())
                            .cost())
                    .isEqualTo(new Spend(0, 15, 15, 30));
        }
        SamplingSpec unguided = new SamplingSpec("ddim", "", STEPS, 1, List.of());
        try (PromptSession session = catalog.open("shapes").prepare(PROMPT, unguided, 0, 0)) {
            assertThat(session.pictures(panel(new Watcher()), PictureOptions.plain())
                            .cost())
                    .isEqualTo(new Spend(0, 8, 8, 8));
        }
    }

    @Test
    void evaluate_bySeveral_givesEachItsTermAndScoresNothing() {
        try (PromptSession session = session("ddim")) {
            Panel panel = new Panel(List.of(
                    new Panel.Member("first", new Watcher(), 1),
                    new Panel.Member("nothing", new Watcher(Double.NaN), 1)));
            Evaluation evaluation = session.pictures(panel, PictureOptions.plain())
                    .evaluate(List.of(noise(1)))
                    .get(0);
            assertThat(evaluation.score()).isZero();
            assertThat(evaluation.terms()).containsEntry("first", 0.0).containsEntry("nothing", Double.NaN);
        }
    }

    @Test
    void ranking_ofSeveral_isTheirWeightedEnsemble() {
        try (PromptSession session = session("ddim")) {
            Panel one = panel(new Watcher());
            Panel two = new Panel(
                    List.of(new Panel.Member("heavy", new Watcher(), 3), new Panel.Member("light", new Watcher(), 1)));
            assertThat(session.pictures(one, PictureOptions.plain()).ranking().dependsOnPool())
                    .isFalse();
            List<Candidate> pool = List.of(
                    candidate(0, Map.of("heavy", 1.0, "light", 2.0)), candidate(1, Map.of("heavy", 2.0, "light", 1.0)));
            assertThat(session.pictures(two, PictureOptions.plain()).ranking().rank(pool).stream()
                            .map(Candidate::index))
                    .containsExactly(1, 0);
        }
    }

    private static Candidate candidate(int index, Map<String, Double> terms) {
        NoiseRecipe recipe = NoiseRecipe.of(index, NoiseSource.TORCH_CPU, List.of(1L, 4L, 16L, 16L));
        return new Candidate(index, recipe, null, 0, terms, Spend.NONE);
    }

    @Test
    void evaluate_whenStopped_endsBeforeTheNextDenoiserCall() {
        AtomicInteger asked = new AtomicInteger();
        Watcher watcher = new Watcher();
        try (PromptSession session = session("ddim")) {
            PathEvaluator evaluator = session.pictures(
                    panel(watcher),
                    new PictureOptions(0, 0, PictureOptions.Turns.ALONE, () -> asked.incrementAndGet() == 4));
            assertThatThrownBy(() -> evaluator.evaluate(List.of(noise(1)))).isInstanceOf(CancellationException.class);
            assertThat(asked).hasValue(4);
            assertThat(watcher.seen).isEmpty();
            // and another evaluation begins afresh
            assertThat(evaluator.evaluate(List.of(noise(1)))).hasSize(1);
        }
    }

    @Test
    void evaluate_withARemoteJudge_asksItOutsideTheTurn() {
        List<String> events = new ArrayList<>();
        PictureOptions.Turns turns = new PictureOptions.Turns() {
            @Override
            public <T> T take(Supplier<T> work) {
                events.add("turn");
                T result = work.get();
                events.add("end");
                return result;
            }
        };
        Judge remote = new Watcher() {
            @Override
            public boolean remote() {
                return true;
            }

            @Override
            public double[] score(List<Shot> shots) {
                events.add("remote " + shots.size());
                return super.score(shots);
            }
        };
        Judge local = new Watcher() {
            @Override
            public double[] score(List<Shot> shots) {
                events.add("local " + shots.size());
                return super.score(shots);
            }
        };
        try (PromptSession session = session("ddim")) {
            Panel panel = new Panel(List.of(new Panel.Member("far", remote, 1), new Panel.Member("near", local, 1)));
            session.pictures(panel, new PictureOptions(1, 0, turns, () -> false))
                    .evaluate(IntStream.range(0, 5)
                            .mapToObj(PictureEvaluatorTest::noise)
                            .toList());
        }
        assertThat(events).containsExactly("turn", "local 4", "end", "remote 4", "turn", "local 1", "end", "remote 1");
    }

    /** Plain fixed-point iteration with as many calls misses such points by three quarters of their length. */
    @Test
    void back_fromAPointWithFreshNoise_findsWhereAWalkComesNear() {
        try (PromptSession session = session("euler")) {
            PathEvaluator evaluator = session.pictures(
                    panel(new Watcher()), new PictureOptions(10, 0, PictureOptions.Turns.ALONE, () -> false));
            List<PathPoint> low = evaluator.walk(List.of(new PathPoint(0, noise(1), 1)), 9);
            List<PathPoint> lifted = evaluator.addNoise(low, 5, List.of(2L));
            Noise found = evaluator.back(lifted).get(0);
            float[] there = evaluator
                    .walk(List.of(new PathPoint(0, found, 1)), 5)
                    .get(0)
                    .latents()
                    .data();
            float[] wanted = lifted.get(0).latents().data();
            double missed = 0;
            double length = 0;
            for (int i = 0; i < wanted.length; i++) {
                missed += (there[i] - wanted[i]) * (there[i] - wanted[i]);
                length += wanted[i] * wanted[i];
            }
            System.out.printf("back from halfway down, 10 steps: misses by %.3f%n", Math.sqrt(missed / length));
            assertThat(Math.sqrt(missed / length)).isLessThan(0.4);
        }
    }

    @Test
    void evaluate_forAJudgeThatComparesWithThePrediction_givesThatAtTheLowNoiseLevel() {
        Watcher watcher = new Watcher() {
            @Override
            public boolean readsPrediction() {
                return true;
            }
        };
        try (PromptSession session = session("euler")) {
            PathEvaluator evaluator = session.pictures(panel(watcher), PictureOptions.plain());
            evaluator.evaluate(List.of(noise(1)));
            int level = 0;
            while (evaluator.levels().get(level) > 0.4) {
                level++;
            }
            Watcher looked = new Watcher();
            PathEvaluator other = session.pictures(panel(looked), PictureOptions.plain());
            other.look(other.walk(List.of(new PathPoint(0, noise(1), 1)), level));
            Picture prediction = watcher.seen.get(0).prediction();
            assertThat(prediction).isNotNull();
            assertThat(difference(prediction, looked.seen.get(0).picture())).isLessThan(0.05);
            assertThat(difference(prediction, watcher.seen.get(0).picture())).isGreaterThan(0.1);
            assertThatThrownBy(() -> evaluator.look(List.of(new PathPoint(0, noise(1), 1))))
                    .isInstanceOf(VerifierException.class)
                    .hasMessageStartingWith("watcher: compares");
        }
    }

    @Test
    void open_oracleForAPromptOfAnotherWorld_namesTheWord() {
        assertThatThrownBy(() -> catalog.verifiers().open("oracle").judge(Question.of("a photo of a cat")))
                .isInstanceOf(VerifierException.class)
                .hasMessageStartingWith("prompt.text: \"photo\" (expected: ");
    }

    @Test
    void score_byTheOracleOfAPictureOfAnotherSize_isNoNumberAndSaysWhy() {
        try (Judge oracle = catalog.verifiers().open("oracle").judge(Question.of(PROMPT.text()))) {
            assertThat(oracle.score(List.of(new Shot(new Picture(2, 1, new byte[6]), null))))
                    .containsExactly(Double.NaN);
            assertThat(oracle.warnings())
                    .containsExactly("oracle: pictures of 2 x 1 pixels are not judged (expected: 64 x 64)");
        }
    }

    // ---- gradients ----

    @ParameterizedTest
    @ValueSource(strings = {"ddim", "heun", "dpmpp_2m_sde"})
    void evaluateWithGradient_throughSolverAndDecoder_isTheDifferenceQuotient(String sampler) {
        Slope judge = new Slope(1);
        try (PromptSession session =
                catalog.open("shapes").prepare(PROMPT, new SamplingSpec(sampler, "karras", 3, 0, List.of()), 0, 0)) {
            PathEvaluator evaluator = session.pictures(panel(judge), PictureOptions.plain());
            assertThat(evaluator.differentiable()).isTrue();
            Evaluation here =
                    evaluator.evaluateSeededWithGradient(List.of(seeded(3))).get(0);
            float[] gradient = here.gradient().data();
            double squares = 0;
            for (float value : gradient) {
                squares += (double) value * value;
            }
            double length = Math.sqrt(squares);
            double step = 0.02;
            List<Evaluation> around = evaluator.evaluateSeeded(List.of(
                    new SeededNoise(moved(noise(3), gradient, step / length), 3),
                    new SeededNoise(moved(noise(3), gradient, -step / length), 3)));
            double slope = (around.get(0).score() - around.get(1).score()) / (2 * step);
            assertThat(slope).isCloseTo(length, Percentage.withPercentage(5));
            assertThat(here.score()).isEqualTo(here.terms().get("watcher"));
            int calls = sampler.equals("heun") ? 5 : 3;
            assertThat(evaluator.gradientCost()).isEqualTo(new Spend(0, 4 * calls, 2 * calls, 4 * calls));
        }
    }

    @Test
    void evaluateWithGradient_throughTheLastSteps_computesOnlyThoseAgain() {
        AtomicInteger calls = new AtomicInteger();
        try (PromptSession session = session("euler")) {
            PathEvaluator evaluator =
                    session.pictures(panel(new Slope(1)), new PictureOptions(0, 2, PictureOptions.Turns.ALONE, () -> {
                        calls.incrementAndGet();
                        return false;
                    }));
            assertThat(evaluator.gradientCost()).isEqualTo(new Spend(0, STEPS + 6, STEPS + 2, 2 * (STEPS + 2)));
            Evaluation evaluation =
                    evaluator.evaluateWithGradient(List.of(noise(1))).get(0);
            assertThat(calls).hasValue(STEPS + 2);
            assertThat(evaluation.gradient().data()).doesNotContain(Float.NaN);
        }
    }

    @Test
    void evaluateWithGradient_ofSeveral_weighsDirectionsNotScales() {
        PictureOptions last = new PictureOptions(2, 1, PictureOptions.Turns.ALONE, () -> false);
        try (PromptSession session = session("euler")) {
            List<Panel> panels = List.of(
                    new Panel(List.of(new Panel.Member("a", new Slope(1), 1), new Panel.Member("b", new Slope(5), 2))),
                    new Panel(List.of(
                            new Panel.Member("a", new Slope(1), 1), new Panel.Member("b", new Slope(5000), 2))));
            List<float[]> gradients = panels.stream()
                    .map(panel -> session.pictures(panel, last)
                            .evaluateWithGradient(List.of(noise(1)))
                            .get(0)
                            .gradient()
                            .data())
                    .toList();
            for (int i = 0; i < gradients.get(0).length; i++) {
                assertThat(gradients.get(1)[i]).isCloseTo(gradients.get(0)[i], within(1e-4f));
            }
        }
    }

    @Test
    void evaluateWithGradient_ofAJudgeWithout_isRefused() {
        try (PromptSession session = session("ddim")) {
            Panel panel =
                    new Panel(List.of(new Panel.Member("a", new Slope(1), 1), new Panel.Member("b", new Watcher(), 1)));
            PathEvaluator evaluator = session.pictures(panel, PictureOptions.plain());
            assertThat(evaluator.differentiable()).isFalse();
            assertThatThrownBy(() -> evaluator.evaluateWithGradient(List.of(noise(1))))
                    .isInstanceOf(UnsupportedOperationException.class);
        }
    }

    /** The score is a number, its gradient is none, as where a square root's is taken at 0. */
    @Test
    void evaluateWithGradient_thatIsNotFinite_endsTheClimbAndNotTheSearch() {
        Slope judge = new Slope(1) {
            @Override
            public Tensor scoreTensor(Tensor images) {
                return images.sum().mul(Double.NaN).reshape(1);
            }

            @Override
            public double[] score(List<Shot> shots) {
                return new double[shots.size()];
            }
        };
        try (PromptSession session = session("ddim")) {
            PathEvaluator evaluator = session.pictures(panel(judge), PictureOptions.plain());
            Evaluation evaluation =
                    evaluator.evaluateWithGradient(List.of(noise(1))).get(0);
            assertThat(evaluation.score()).isZero();
            assertThat(evaluation.gradient().data()).containsOnly(0);
            Panel both = new Panel(List.of(new Panel.Member("a", judge, 1), new Panel.Member("b", new Slope(1), 1)));
            Evaluation ofTwo = session.pictures(both, PictureOptions.plain())
                    .evaluateWithGradient(List.of(noise(1)))
                    .get(0);
            assertThat(ofTwo.gradient().data()).doesNotContain(Float.NaN);
            assertThat(ofTwo.gradient().data())
                    .isNotEqualTo(evaluation.gradient().data());
        }
    }

    private static Noise moved(Noise noise, float[] direction, double step) {
        float[] values = noise.data().clone();
        for (int i = 0; i < values.length; i++) {
            values[i] += (float) (step * direction[i]);
        }
        return Noise.of(noise.shape(), values);
    }

    /** Likes red at the top and blue at the bottom, in a bend. */
    private static class Slope extends Watcher {
        private final double scale;

        Slope(double scale) {
            this.scale = scale;
        }

        @Override
        public boolean differentiable() {
            return true;
        }

        @Override
        public double[] score(List<Shot> shots) {
            return shots.stream()
                    .mapToDouble(shot -> {
                        float[] values = new float[3 * 64 * 64];
                        for (int i = 0; i < values.length; i++) {
                            int pixel = i % (64 * 64);
                            values[i] = (shot.picture().rgb()[3 * pixel + i / (64 * 64)] & 255) / 255f;
                        }
                        try (GradMode off = GradMode.off();
                                Scope scope = new Scope()) {
                            return scoreTensor(Tensor.of(Compute.cpu(), values, 1, 3, 64, 64))
                                    .toDoubles()[0];
                        }
                    })
                    .toArray();
        }

        @Override
        public Tensor scoreTensor(Tensor images) {
            float[] weights = new float[3 * 64 * 64];
            for (int y = 0; y < 64; y++) {
                Arrays.fill(weights, y * 64, y * 64 + 64, (32 - y) / 32f);
                Arrays.fill(weights, 2 * 4096 + y * 64, 2 * 4096 + y * 64 + 64, (y - 32) / 32f);
            }
            Tensor weight = Tensor.of(images.compute(), weights, 1, 3, 64, 64);
            return images.mul(images).mul(weight).sum().mul(scale / 1000).reshape(1);
        }
    }

    // ---- paths ----

    @ParameterizedTest
    @ValueSource(strings = {"euler", "ddim"})
    void walk_toTheEnd_drawsThePicture(String sampler) {
        Watcher drawn = new Watcher();
        Watcher looked = new Watcher();
        try (PromptSession session = session(sampler)) {
            PathEvaluator evaluator = session.pictures(panel(looked), PictureOptions.plain());
            assertThat(evaluator.levels()).hasSize(STEPS + 1).isSortedAccordingTo((a, b) -> Double.compare(b, a));
            assertThat(evaluator.callCost()).isEqualTo(new Spend(0, 1, 1, 2));
            List<PathPoint> ends =
                    evaluator.walk(List.of(new PathPoint(0, noise(1), 1), new PathPoint(0, noise(2), 2)), STEPS);
            evaluator.look(ends);
            session.pictures(panel(drawn), PictureOptions.plain()).evaluateSeeded(List.of(seeded(1), seeded(2)));
            for (int i = 0; i < 2; i++) {
                assertThat(difference(
                                drawn.seen.get(i).picture(), looked.seen.get(i).picture()))
                        .isLessThan(0.01);
            }
        }
    }

    @Test
    void walk_inTwoParts_isTheWholeWalk() {
        try (PromptSession session = session("euler")) {
            PathEvaluator evaluator = session.pictures(panel(new Watcher()), PictureOptions.plain());
            PathPoint half =
                    evaluator.walk(List.of(new PathPoint(0, noise(1), 1)), 3).get(0);
            List<PathPoint> mixed = evaluator.walk(
                    List.of(half, new PathPoint(0, noise(1), 1), new PathPoint(STEPS, noise(2), 1)), STEPS);
            assertThat(mixed.get(0)).isEqualTo(mixed.get(1));
            assertThat(mixed.get(2).latents()).isEqualTo(noise(2));
        }
    }

    @Test
    void addNoise_upToTheFirstLevel_isUnitNoiseAgain() {
        try (PromptSession session = session("euler")) {
            PathEvaluator evaluator = session.pictures(panel(new Watcher()), PictureOptions.plain());
            PathPoint low = evaluator
                    .walk(List.of(new PathPoint(0, noise(1), 1)), STEPS)
                    .get(0);
            List<PathPoint> high = evaluator.addNoise(List.of(low, low, low), 0, List.of(4L, 4L, 5L));
            assertThat(high.get(0)).isEqualTo(high.get(1)).isNotEqualTo(high.get(2));
            assertThat(high.get(0).level()).isZero();
            double squares = 0;
            for (float value : high.get(0).latents().data()) {
                squares += value * value;
            }
            assertThat(squares / 1024).isBetween(0.85, 1.15);
            assertThat(evaluator.addNoise(List.of(low), STEPS, List.of(1L))).containsExactly(low);
        }
    }

    private static PromptSession session(String sampler) {
        return catalog.open("shapes").prepare(PROMPT, new SamplingSpec(sampler, "karras", STEPS, 0, List.of()), 0, 0);
    }

    private static Panel panel(Judge judge) {
        return new Panel(List.of(new Panel.Member("watcher", judge, 1)));
    }

    private static Noise noise(long seed) {
        return NoiseGenerator.generate(NoiseSource.TORCH_CPU, seed, new long[] {1, 4, 16, 16});
    }

    private static SeededNoise seeded(long seed) {
        return new SeededNoise(noise(seed), seed);
    }

    private static List<String> bytes(List<Picture> pictures) {
        return pictures.stream().map(picture -> Arrays.toString(picture.rgb())).toList();
    }

    /** Mean absolute difference of two pictures' values, 0 to 255. */
    private static double difference(Picture a, Picture b) {
        return IntStream.range(0, a.rgb().length)
                .mapToDouble(i -> Math.abs((a.rgb()[i] & 255) - (b.rgb()[i] & 255)))
                .average()
                .orElseThrow();
    }

    /** Remembers what it was shown. */
    private static class Watcher implements Judge {
        final List<Shot> seen = new ArrayList<>();
        private final double score;

        Watcher() {
            this(0);
        }

        Watcher(double score) {
            this.score = score;
        }

        @Override
        public double[] score(List<Shot> shots) {
            seen.addAll(shots);
            double[] scores = new double[shots.size()];
            Arrays.fill(scores, score);
            return scores;
        }

        List<String> bytes() {
            return PictureEvaluatorTest.bytes(seen.stream().map(Shot::picture).toList());
        }
    }
}
