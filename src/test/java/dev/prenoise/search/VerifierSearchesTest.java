package dev.prenoise.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipes;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.search.Fakes.Loss;
import dev.prenoise.search.Fakes.Observer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds for every search over pictures. */
class VerifierSearchesTest {
    private static final int CALLS = new FakePictures().steps;

    private final SeededCandidates source = SeededCandidates.of(11, NoiseSource.TORCH_CPU, new long[] {1, 2, 2, 4});

    /** A search is made for each use, as a cascade holds the evaluator that it screens with. */
    private record Kind(String name, Supplier<SearchAlgorithm> search) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Kind> searches() {
        return Stream.of(
                new Kind("random", BestOfN::new),
                new Kind("zero-order", ZeroOrderSearch::new),
                new Kind("zero-order-4", () -> new ZeroOrderSearch(new ZeroOrderParameters(4, 0.5, 0))),
                new Kind("zero-order-restart", () -> new ZeroOrderSearch(new ZeroOrderParameters(2, 1, 1))),
                new Kind("first-order", FirstOrderSearch::new),
                new Kind("first-order-restart", () -> new FirstOrderSearch(new FirstOrderParameters(1, 0))),
                new Kind("paths", PathsSearch::new),
                new Kind("paths-3-4", () -> new PathsSearch(new PathsParameters(3, 4, 0.4, 0.6, 0.4))),
                new Kind("zero-order-then-paths", ZeroOrderThenPathsSearch::new),
                new Kind("cascade-zero-order", () -> cascade(new ZeroOrderSearch())),
                new Kind("cascade-paths", () -> cascade(new PathsSearch())),
                new Kind("cascade-both", () -> cascade(new ZeroOrderThenPathsSearch())),
                new Kind("cascade-first-order", () -> cascade(new FirstOrderSearch())));
    }

    /** Screened by what costs no function evaluations. */
    private static SearchAlgorithm cascade(SearchAlgorithm inner) {
        Loss screen = Loss.batched(3);
        screen.cost = new Spend(1, 0, 0, 0);
        return new CascadeSearch(screen, 3, inner);
    }

    @ParameterizedTest
    @MethodSource("searches")
    void search_everyBudget_neverExceededAndSpentToTheLastDraw(Kind kind) {
        for (int batch : List.of(1, 3)) {
            for (int nfe = CALLS; nfe <= 40 * CALLS; nfe += nfe < 12 * CALLS ? 1 : 17) {
                int limit = nfe;
                FakePictures pictures = FakePictures.batched(batch);
                Observer observer = new Observer();
                Outcome outcome = kind.search.get().search(source, pictures, nfes(limit), observer);
                assertThat(outcome.spent().functionEvaluations())
                        .isEqualTo(pictures.functionEvaluations)
                        .isLessThanOrEqualTo(limit)
                        .isGreaterThan(limit - CALLS);
                assertThat(observer.spent).allMatch(spend -> spend.functionEvaluations() <= limit);
                assertThat(outcome.spent().batchRows()).isEqualTo(2 * pictures.functionEvaluations);
                assertThat(outcome.stopReason()).isEqualTo(StopReason.BUDGET);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("searches")
    void search_budgetBelowOneDraw_scoresNothing(Kind kind) {
        FakePictures pictures = new FakePictures();
        Outcome outcome = kind.search.get().search(source, pictures, nfes(CALLS - 1), new Observer());
        assertThat(outcome.ranked()).isEmpty();
        assertThat(outcome.baseline().score()).isNaN();
        assertThat(pictures.functionEvaluations).isZero();
    }

    @ParameterizedTest
    @MethodSource("searches")
    void search_anyBudget_isNeverWorseThanTheHostsNoiseWhichComesFirst(Kind kind) {
        for (int n = 1; n <= 30; n += 7) {
            Observer observer = new Observer();
            Outcome outcome = kind.search.get().search(source, new FakePictures(), nfes(n * CALLS), observer);
            assertThat(observer.scored.get(0).recipe()).isEqualTo(source.recipe(0));
            assertThat(observer.scored).extracting(Candidate::index).isSorted().doesNotHaveDuplicates();
            assertThat(outcome.baseline().index()).isZero();
            assertThat(outcome.ranked().get(0).score())
                    .isGreaterThanOrEqualTo(outcome.baseline().score());
            assertThat(outcome.ranked()).hasSameSizeAs(observer.scored);
        }
    }

    @ParameterizedTest
    @MethodSource("searches")
    void search_manyDraws_findsBetterNoise(Kind kind) {
        Outcome outcome = kind.search.get().search(source, FakePictures.batched(4), nfes(60 * CALLS), new Observer());
        assertThat(outcome.ranked().get(0).score())
                .isGreaterThan(outcome.baseline().score() + 0.1);
    }

    @ParameterizedTest
    @MethodSource("searches")
    void search_anyBatchSize_sameCandidatesAndEnd(Kind kind) {
        for (boolean ensemble : List.of(false, true)) {
            for (Budget budget : List.of(nfes(40 * CALLS), new Budget(0, 200 * CALLS, Duration.ZERO, true))) {
                Observer one = new Observer();
                Outcome expected = kind.search.get().search(source, pictures(ensemble, 1), budget, one);
                for (int batch = 2; batch <= 5; batch++) {
                    Observer many = new Observer();
                    Outcome outcome = kind.search.get().search(source, pictures(ensemble, batch), budget, many);
                    assertThat(many.scored).isEqualTo(one.scored);
                    assertThat(many.best).isEqualTo(one.best);
                    assertThat(outcome.ranked()).isEqualTo(expected.ranked());
                    assertThat(outcome.stopReason()).isEqualTo(expected.stopReason());
                    assertThat(outcome.spent().functionEvaluations())
                            .isEqualTo(expected.spent().functionEvaluations());
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("searches")
    void search_resumedAfterEachCandidate_equalsUndisturbed(Kind kind) {
        for (boolean ensemble : List.of(false, true)) {
            for (Budget budget : List.of(nfes(30 * CALLS + 2), new Budget(0, 90 * CALLS, Duration.ZERO, true))) {
                Observer undisturbed = new Observer();
                FakePictures first = pictures(ensemble, 2);
                Outcome expected = kind.search.get().search(source, first, budget, undisturbed);
                for (int done = 0; done <= undisturbed.scored.size(); done++) {
                    FakePictures pictures = pictures(ensemble, 2);
                    Observer resumed = Observer.resuming(undisturbed.scored.subList(0, done));
                    Outcome outcome = kind.search.get().search(source, pictures, budget, resumed);
                    assertThat(resumed.scored).isEqualTo(undisturbed.scored);
                    assertThat(resumed.best).isEqualTo(undisturbed.best);
                    assertThat(outcome.ranked()).isEqualTo(expected.ranked());
                    assertThat(outcome.stopReason()).isEqualTo(expected.stopReason());
                    assertThat(outcome.spent().functionEvaluations())
                            .isEqualTo(expected.spent().functionEvaluations());
                    // the first may need its gradient once more
                    if (done > 1) {
                        assertThat(pictures.functionEvaluations).isLessThan(first.functionEvaluations);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("searches")
    void search_cancelledAtEachQuestion_stopsThereAndKeepsTheBest(Kind kind) {
        Budget budget = nfes(24 * CALLS);
        Observer undisturbed = new Observer();
        kind.search.get().search(source, new FakePictures(), budget, undisturbed);
        for (int question = 1; question <= undisturbed.asked; question++) {
            Observer observer = Observer.stoppingAtQuestion(question);
            FakePictures pictures = new FakePictures();
            AtomicInteger spentWhenStopped = new AtomicInteger(-1);
            int at = question;
            observer.stopAtQuestion = number -> {
                if (number >= at) {
                    spentWhenStopped.compareAndSet(-1, pictures.functionEvaluations);
                }
                return number >= at ? 1 : 0;
            };
            Outcome outcome = kind.search.get().search(source, pictures, budget, observer);
            assertThat(outcome.stopReason()).isEqualTo(StopReason.CANCELLED);
            assertThat(pictures.functionEvaluations).isEqualTo(spentWhenStopped.get());
            assertThat(outcome.ranked()).hasSameSizeAs(observer.scored);
            assertThat(observer.scored).isEqualTo(undisturbed.scored.subList(0, observer.scored.size()));
        }
    }

    @ParameterizedTest
    @MethodSource("searches")
    void search_picturesThatNobodyCanJudge_neverWinAndNothingBreaks(Kind kind) {
        for (boolean ensemble : List.of(false, true)) {
            FakePictures pictures = pictures(ensemble, 2);
            pictures.unjudged = picture -> picture.data()[0] > 0.1;
            Outcome outcome = kind.search.get().search(source, pictures, nfes(40 * CALLS), new Observer());
            assertThat(outcome.ranked().get(0).terms().get("waves")).isFinite();
            FakePictures blind = pictures(ensemble, 2);
            blind.unjudged = picture -> true;
            assertThat(kind.search
                            .get()
                            .search(source, blind, nfes(40 * CALLS), new Observer())
                            .stopReason())
                    .isEqualTo(StopReason.BUDGET);
        }
    }

    @ParameterizedTest
    @MethodSource("searches")
    void search_ensemble_ranksTheUnionBySharesBeaten(Kind kind) {
        FakePictures pictures = FakePictures.ensemble(2);
        Observer observer = new Observer();
        Outcome outcome = kind.search.get().search(source, pictures, nfes(30 * CALLS), observer);
        assertThat(outcome.ranked()).isEqualTo(pictures.ranking().rank(observer.scored));
        assertThat(outcome.ranked().get(0).score()).isGreaterThan(0.5);
        assertThat(observer.scored.get(0).score()).isEqualTo(0.5);
    }

    @ParameterizedTest
    @MethodSource("searches")
    void search_flatScores_endsOnPlateauWhereAsked(Kind kind) {
        Budget budget = new Budget(0, 4000 * CALLS, Duration.ZERO, true);
        Evaluator level = new Constant(new FakePictures());
        Outcome outcome = kind.search.get().search(source, level, budget, new Observer());
        assertThat(outcome.stopReason()).isEqualTo(StopReason.PLATEAU);
        assertThat(outcome.ranked().get(0).index()).isZero();
    }

    @ParameterizedTest
    @MethodSource("searches")
    void search_candidates_carryTheirNoiseOrReplayIt(Kind kind) {
        Observer observer = new Observer();
        kind.search.get().search(source, new FakePictures(), nfes(30 * CALLS), observer);
        for (Candidate candidate : observer.scored) {
            Noise noise = candidate.noise() != null ? candidate.noise() : NoiseRecipes.replay(candidate.recipe());
            assertThat(new FakePictures().evaluate(List.of(noise)).get(0).score())
                    .isEqualTo(candidate.score());
        }
    }

    @ParameterizedTest
    @MethodSource("searches")
    void search_wallTimeOver_stillScoresTheHostsNoise(Kind kind) {
        Budget budget = new Budget(0, 0, Duration.ofNanos(1), false);
        Outcome outcome = kind.search.get().search(source, new FakePictures(), budget, new Observer());
        assertThat(outcome.ranked()).hasSize(1);
        assertThat(outcome.stopReason()).isEqualTo(StopReason.BUDGET);
    }

    @ParameterizedTest
    @MethodSource("searches")
    void search_budgetThatIsNeverMet_rejected(Kind kind) {
        assertThatThrownBy(() -> kind.search
                        .get()
                        .search(source, new FakePictures(), Budget.ofLossEvaluations(5), new Observer()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("budget: ");
    }

    /** Everybody's score is the same, and there is no way up. */
    private record Constant(FakePictures pictures) implements PathEvaluator {
        @Override
        public int maxBatch() {
            return pictures.maxBatch();
        }

        @Override
        public boolean lowerIsBetter() {
            return false;
        }

        @Override
        public boolean differentiable() {
            return true;
        }

        @Override
        public Spend cost() {
            return pictures.cost();
        }

        @Override
        public List<Evaluation> evaluate(List<Noise> noises) {
            return flat(pictures.evaluate(noises));
        }

        @Override
        public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
            return flat(pictures.evaluateWithGradient(noises));
        }

        private static List<Evaluation> flat(List<Evaluation> evaluations) {
            return evaluations.stream()
                    .map(evaluation -> new Evaluation(0.25, Map.of(), evaluation.gradient()))
                    .toList();
        }

        @Override
        public List<Double> levels() {
            return pictures.levels();
        }

        @Override
        public Spend callCost() {
            return pictures.callCost();
        }

        @Override
        public List<PathPoint> walk(List<PathPoint> points, int level) {
            return pictures.walk(points, level);
        }

        @Override
        public List<PathPoint> addNoise(List<PathPoint> points, int level, List<Long> seeds) {
            return pictures.addNoise(points, level, seeds);
        }

        @Override
        public List<Evaluation> look(List<PathPoint> points) {
            return flat(pictures.look(points));
        }

        @Override
        public List<Noise> back(List<PathPoint> points) {
            return pictures.back(points);
        }

        @Override
        public int backCalls() {
            return pictures.backCalls();
        }
    }

    private static FakePictures pictures(boolean ensemble, int batch) {
        return ensemble ? FakePictures.ensemble(batch) : FakePictures.batched(batch);
    }

    private static Budget nfes(int functionEvaluations) {
        return new Budget(0, functionEvaluations, Duration.ZERO, false);
    }
}
