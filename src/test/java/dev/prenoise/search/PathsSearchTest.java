package dev.prenoise.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.NoiseStep.Optimization;
import dev.prenoise.search.Fakes.Loss;
import dev.prenoise.search.Fakes.Observer;
import dev.prenoise.search.PathsPlan.Hop;
import dev.prenoise.search.PathsPlan.Size;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PathsSearchTest {
    private final SeededCandidates source = SeededCandidates.of(3, NoiseSource.TORCH_CPU, new long[] {1, 4, 4, 4});

    @Test
    void plan_hundredLevels_followsThePublishedLevelsInFourRounds() {
        PathsPlan plan = PathsPlan.of(grid(100), PathsParameters.DEFAULT);
        assertThat(plan.start()).isEqualTo(89);
        assertThat(plan.hops()).containsExactly(new Hop(11, 92), new Hop(14, 95), new Hop(17, 98), new Hop(20, 100));
    }

    @Test
    void plan_twentyEvenLevels_leaveTwoRounds() {
        PathsPlan plan = PathsPlan.of(grid(20), PathsParameters.DEFAULT);
        assertThat(plan.hops()).containsExactly(new Hop(2, 19), new Hop(3, 20));
    }

    @Test
    void plan_anyGrid_fallsEachRoundAndEndsAtThePicture() {
        PathsParameters wide = new PathsParameters(2, 2, 0.6, 0.5, 0.49);
        for (PathsParameters parameters : List.of(PathsParameters.DEFAULT, wide)) {
            for (int steps = 3; steps <= 60; steps++) {
                PathsPlan plan = PathsPlan.of(grid(steps), parameters);
                int at = plan.start();
                assertThat(at).isBetween(2, steps - 1);
                for (Hop hop : plan.hops()) {
                    assertThat(hop.up()).isBetween(1, at - 1);
                    assertThat(hop.down()).isGreaterThan(at);
                    at = hop.down();
                }
                assertThat(at).isEqualTo(steps);
            }
        }
    }

    @Test
    void plan_tooFewSteps_rejected() {
        assertThatThrownBy(() -> PathsPlan.of(grid(2), PathsParameters.DEFAULT))
                .hasMessage("steps: 2 (expected: >= 3 for a search over paths)");
    }

    @Test
    void cost_threeRounds_isTheFormula() {
        FakePictures pictures = new FakePictures();
        pictures.steps = 20;
        PathsPlan plan = new PathsPlan(17, List.of(new Hop(3, 18), new Hop(4, 19), new Hop(5, 20)), 20);
        Spend cost = plan.cost(new Size(3, 2, 3), pictures, 4);
        int calls = 3 * 17 + 6 * (15 + 1) + 6 * (15 + 1) + 6 * 15 + 3 * 5 * 2;
        assertThat(cost.functionEvaluations()).isEqualTo(calls);
        assertThat(cost.batchRows()).isEqualTo(2 * calls);
        assertThat(cost.denoiserCalls()).isEqualTo(17 + 2 * 16 + 2 * 16 + 2 * 15 + 5 * 2);
        assertThat(plan.cost(new Size(3, 2, 1), pictures, 4).functionEvaluations())
                .isEqualTo(3 * 17 + 6 * 16 + 3 * 3 * 2);
    }

    @Test
    void largest_anyBudget_hasTheMostLooksThatFit() {
        PathsPlan plan = PathsPlan.of(grid(100), PathsParameters.DEFAULT);
        PathsParameters parameters = new PathsParameters(3, 4, 0.11, 0.81, 0.78);
        assertThat(plan.largest(parameters, size -> true))
                .isEqualTo(new Size(3, 4, plan.hops().size()));
        assertThat(plan.largest(parameters, size -> size.looks() <= 7)).isEqualTo(new Size(1, 2, 3));
        assertThat(plan.largest(parameters, size -> false)).isNull();
    }

    @Test
    void largest_everyBudget_isTheOneThatTryingAllSizesFinds() {
        FakePictures pictures = new FakePictures();
        PathsPlan plan = PathsPlan.of(grid(40), new PathsParameters(2, 2, 0.6, 0.5, 0.4));
        PathsParameters parameters = new PathsParameters(5, 4, 0.6, 0.5, 0.4);
        for (int nfe = 50; nfe < 2500; nfe += 7) {
            int most = nfe;
            Predicate<Size> fits = size -> plan.cost(size, pictures, 1).functionEvaluations() <= most;
            Size best = null;
            for (int rounds = plan.hops().size(); rounds >= 1; rounds--) {
                for (int paths = 5; paths >= 1; paths--) {
                    for (int width = 4; width >= 2; width--) {
                        Size size = new Size(paths, width, rounds);
                        if (fits.test(size) && (best == null || size.looks() > best.looks())) {
                            best = size;
                        }
                    }
                }
            }
            assertThat(plan.largest(parameters, fits)).as("%d NFEs", nfe).isEqualTo(best);
        }
    }

    @Test
    void largest_thousandStepsAndNearlyAsManyRounds_triesFewSizes() {
        FakePictures pictures = new FakePictures();
        PathsParameters parameters = new PathsParameters(32, 32, 0.9, 0.002, 0.001);
        PathsPlan plan = PathsPlan.of(grid(1000), parameters);
        int rounds = plan.hops().size();
        assertThat(rounds).isGreaterThan(500);
        AtomicInteger tried = new AtomicInteger();
        Size size = plan.largest(parameters, tries -> {
            tried.incrementAndGet();
            return plan.cost(tries, pictures, 1).functionEvaluations() <= 100_000;
        });
        assertThat(size).isNotNull();
        assertThat(tried.get()).isLessThanOrEqualTo(rounds * (32 + 32));
    }

    @Test
    void cost_moreThanAnIntHolds_isPaidForByNoBudget() {
        FakePictures pictures = new FakePictures();
        PathsPlan plan = PathsPlan.of(grid(1000), PathsParameters.DEFAULT);
        Spend cost = plan.cost(new Size(1024, 1024, 4), pictures, 1);
        assertThat(cost.functionEvaluations()).isEqualTo(Integer.MAX_VALUE);
        assertThat(nfes(Integer.MAX_VALUE).allows(Spend.NONE, cost)).isFalse();
        assertThat(nfes(1000).allows(new Spend(0, 900, 0, 0), cost)).isFalse();
        assertThat(nfes(1000).allows(new Spend(0, 900, 0, 0), new Spend(0, 100, 0, 0)))
                .isTrue();
    }

    @Test
    void search_budgetOfOnePass_spendsTheFormulaAndScoresTheSurvivors() {
        FakePictures pictures = FakePictures.batched(3);
        pictures.steps = 12;
        PathsPlan plan = PathsPlan.of(pictures.levels(), PathsParameters.DEFAULT);
        Spend pass = plan.cost(new Size(2, 2, plan.hops().size()), pictures, 3);
        int nfe = 12 + pass.functionEvaluations() + 24;
        Observer observer = new Observer();
        Outcome outcome = new PathsSearch().search(source, pictures, nfes(nfe), observer);
        assertThat(outcome.spent().functionEvaluations()).isEqualTo(nfe).isEqualTo(pictures.functionEvaluations);
        // candidate 0, the pass, both survivors in one batch
        assertThat(outcome.spent().denoiserCalls()).isEqualTo(12 + pass.denoiserCalls() + 12);
        assertThat(observer.scored).hasSize(3);
        for (Candidate survivor : observer.scored.subList(1, 3)) {
            assertThat(survivor.recipe().steps())
                    .containsExactly(new Optimization("paths", plan.hops().size()));
            assertThat(survivor.recipe().seed())
                    .isIn(source.recipe(1).seed(), source.recipe(2).seed());
            assertThat(survivor.noise()).isNotNull();
        }
    }

    @Test
    void search_survivors_scoreWhatTheLastLookSaw() {
        FakePictures pictures = new FakePictures();
        pictures.steps = 12;
        PathsPlan plan = PathsPlan.of(pictures.levels(), PathsParameters.DEFAULT);
        Spend pass = plan.cost(new Size(2, 2, plan.hops().size()), pictures, 1);
        Observer observer = new Observer();
        new PathsSearch().search(source, pictures, nfes(12 + pass.functionEvaluations() + 24), observer);
        List<Double> last = pictures.looks.subList(pictures.looks.size() - 4, pictures.looks.size());
        List<Double> best =
                last.stream().sorted((a, b) -> Double.compare(b, a)).limit(2).toList();
        assertThat(observer.scored.get(1).score()).isCloseTo(best.get(0), within(1e-5));
        assertThat(observer.scored.get(2).score()).isCloseTo(best.get(1), within(1e-5));
    }

    @Test
    void search_budgetOfManyPasses_startsEachFromFreshNoise() {
        FakePictures pictures = new FakePictures();
        Observer observer = new Observer();
        new PathsSearch(new PathsParameters(1, 2, 0.11, 0.81, 0.78)).search(source, pictures, nfes(400), observer);
        List<Long> seeds = observer.scored.stream()
                .skip(1)
                .map(candidate -> candidate.recipe().seed())
                .toList();
        assertThat(seeds).hasSizeGreaterThan(5).doesNotHaveDuplicates();
        assertThat(seeds.get(0)).isEqualTo(source.recipe(1).seed());
        assertThat(seeds.get(4)).isEqualTo(source.recipe(5).seed());
    }

    @Test
    void search_evaluatorThatCannotStopOnTheWay_rejected() {
        assertThatThrownBy(
                        () -> new PathsSearch().search(source, new Loss(), Budget.ofLossEvaluations(9), new Observer()))
                .hasMessageEndingWith("(expected: one that can stop on the way to a picture)");
    }

    @Test
    void search_pictureOfTooFewSteps_rejectedBeforeAnythingIsDrawn() {
        FakePictures pictures = new FakePictures();
        pictures.steps = 2;
        assertThatThrownBy(() -> new PathsSearch().search(source, pictures, nfes(100), new Observer()))
                .hasMessageStartingWith("steps: 2 ");
        assertThat(pictures.functionEvaluations).isZero();
    }

    @Test
    void parameters_outOfRange_rejectedByName() {
        assertThatThrownBy(() -> new PathsParameters(0, 2, 0.1, 0.8, 0.7)).hasMessageStartingWith("initial_paths: 0 ");
        assertThatThrownBy(() -> new PathsParameters(2, 1, 0.1, 0.8, 0.7)).hasMessageStartingWith("width: 1 ");
        assertThatThrownBy(() -> new PathsParameters(2, 2, 1, 0.8, 0.7)).hasMessageStartingWith("start_sigma: 1.0 ");
        assertThatThrownBy(() -> new PathsParameters(2, 2, 0.1, 1.8, 0.7))
                .hasMessageStartingWith("backward_step: 1.8 ");
        assertThatThrownBy(() -> new PathsParameters(2, 2, 0.1, 0.7, 0.7))
                .hasMessageStartingWith("forward_step: 0.7 (expected: less than backward_step, 0.7");
    }

    private static List<Double> grid(int steps) {
        return IntStream.rangeClosed(0, steps)
                .mapToObj(i -> 1 - i / (double) steps)
                .toList();
    }

    private static Budget nfes(int functionEvaluations) {
        return new Budget(0, functionEvaluations, Duration.ZERO, false);
    }
}
