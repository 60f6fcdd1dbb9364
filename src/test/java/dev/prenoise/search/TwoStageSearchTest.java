package dev.prenoise.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.noise.NoiseStep.Optimization;
import dev.prenoise.search.Fakes.Loss;
import dev.prenoise.search.Fakes.Observer;
import dev.prenoise.search.Fakes.Source;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TwoStageSearchTest {
    private static final double SECOND = 1.3;

    private final Source source = new Source();

    @Test
    void search_everyBudgetAndBatch_neverExceedsIt() {
        for (boolean optimize : new boolean[] {false, true}) {
            for (int n = 1; n <= 40; n++) {
                for (int batch = 1; batch <= 7; batch += 3) {
                    Loss first = Loss.batched(batch);
                    Loss second = Loss.batched(batch);
                    second.phase = SECOND;
                    Outcome outcome =
                            stages(first, optimize).search(source, second, Budget.ofLossEvaluations(n), new Observer());
                    assertThat(first.evaluations() + second.evaluations()).isEqualTo(n);
                    assertThat(outcome.spent().lossEvaluations()).isEqualTo(n);
                    assertThat(outcome.stopReason()).isEqualTo(StopReason.BUDGET);
                    assertThat(outcome.ranked()).contains(outcome.baseline());
                    assertThat(outcome.baseline().score()).isEqualTo(second.smooth(source.draw(0)));
                }
            }
        }
    }

    @Test
    void search_budgetInFunctionEvaluationsOfUnequalCost_neverExceedsIt() {
        for (boolean optimize : new boolean[] {false, true}) {
            for (int nfe = 1; nfe <= 60; nfe++) {
                Loss first = new Loss();
                first.cost = new Spend(1, 2, 1, 1);
                Loss second = Loss.phased(SECOND);
                second.cost = new Spend(1, 5, 1, 1);
                Outcome outcome = stages(first, optimize)
                        .search(source, second, new Budget(0, nfe, Duration.ZERO, false), new Observer());
                int spent = 2 * first.evaluations() + 5 * second.evaluations();
                assertThat(spent).isLessThanOrEqualTo(nfe).isGreaterThan(nfe - 7);
                assertThat(outcome.spent().functionEvaluations()).isEqualTo(spent);
            }
        }
    }

    @Test
    void search_anyBatchSize_sameCandidates() {
        Observer one = new Observer();
        stages(new Loss(), false).search(source, Loss.phased(SECOND), Budget.ofLossEvaluations(40), one);
        Loss second = Loss.batched(7);
        second.phase = SECOND;
        Observer many = new Observer();
        stages(Loss.batched(5), false).search(source, second, Budget.ofLossEvaluations(40), many);
        assertThat(many.scored).isEqualTo(one.scored);
    }

    @Test
    void search_ranking_secondLossChoosesAmongTheFirstsBest() {
        Loss first = new Loss();
        Loss second = Loss.phased(SECOND);
        Observer observer = new Observer();
        Outcome outcome = stages(first, false).search(source, second, Budget.ofLossEvaluations(50), observer);
        assertThat(first.evaluations()).isEqualTo(39);
        List<Long> best = IntStream.rangeClosed(1, 39)
                .boxed()
                .sorted(Comparator.comparingDouble(draw -> first.smooth(source.draw(draw))))
                .limit(10)
                .map(draw -> source.recipe(draw).seed())
                .toList();
        assertThat(observer.scored).extracting(Candidate::index).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
        assertThat(observer.scored.subList(1, 11))
                .extracting(candidate -> candidate.recipe().seed())
                .isEqualTo(best);
        assertThat(outcome.ranked()).isSortedAccordingTo(Comparator.comparingDouble(Candidate::score));
    }

    @Test
    void search_optimizing_secondLossGoesOnFromTheFirstsResults() {
        Loss second = Loss.phased(SECOND);
        Observer observer = new Observer();
        Outcome outcome = stages(new Loss(), true).search(source, second, Budget.ofLossEvaluations(60), observer);
        assertThat(second.evaluations()).isEqualTo(30);
        assertThat(observer.scored).extracting(Candidate::index).containsExactly(0, 1, 2, 3);
        Observer alone = new Observer();
        Outcome picked = new InitNoSearch().search(source, new Loss(), Budget.ofLossEvaluations(30), alone);
        List<Candidate> kept = picked.ranked().stream()
                .filter(candidate -> candidate.index() > 0)
                .toList();
        for (int k = 1; k <= 3; k++) {
            Candidate candidate = observer.scored.get(k);
            assertThat(candidate.recipe().seed())
                    .isEqualTo(kept.get(k - 1).recipe().seed());
            assertThat(candidate.recipe().steps())
                    .startsWith(kept.get(k - 1).recipe().steps().get(0))
                    .hasSize(2)
                    .allMatch(step -> step instanceof Optimization);
            assertThat(candidate.score()).isEqualTo(second.smooth(candidate.noise()));
        }
        assertThat(outcome.ranked().get(0).score())
                .isLessThanOrEqualTo(outcome.baseline().score());
    }

    @Test
    void search_firstStageSucceedsAtOnce_secondGoesOnWithFreshDraws() {
        Loss easy = new Loss();
        easy.score = noise -> 0.1;
        Observer observer = new Observer();
        stages(easy, true).search(source, Loss.phased(SECOND), Budget.ofLossEvaluations(41), observer);
        assertThat(easy.evaluations()).isEqualTo(1);
        assertThat(observer.scored)
                .extracting(candidate -> candidate.recipe().seed())
                .containsExactly(100L, 101L, 102L, 103L, 104L);
    }

    @Test
    void search_hostsNoiseMeetsTheSecondsThresholds_nothingElseIsSpent() {
        Loss first = new Loss();
        Loss second = new Loss();
        second.score = noise -> 0.1;
        Outcome outcome = stages(first, true).search(source, second, Budget.ofLossEvaluations(40), new Observer());
        assertThat(outcome.stopReason()).isEqualTo(StopReason.THRESHOLD);
        assertThat(first.evaluations() + second.evaluations()).isEqualTo(1);
    }

    @Test
    void search_cancelledAtEachEvaluation_stopsThereWithTheHostsNoiseAtLeast() {
        for (boolean optimize : new boolean[] {false, true}) {
            for (int question = 1; question <= 30; question++) {
                Loss first = new Loss();
                Loss second = Loss.phased(SECOND);
                Outcome outcome = stages(first, optimize)
                        .search(source, second, Budget.ofLossEvaluations(30), Observer.stoppingAtQuestion(question));
                assertThat(first.evaluations() + second.evaluations()).isEqualTo(question - 1);
                assertThat(outcome.spent().lossEvaluations()).isEqualTo(question - 1);
                assertThat(outcome.stopReason()).isEqualTo(StopReason.CANCELLED);
                assertThat(outcome.ranked()).hasSizeGreaterThanOrEqualTo(question == 1 ? 0 : 1);
            }
        }
    }

    @Test
    void search_resumedAfterEachCandidate_equalsUndisturbed() {
        for (boolean optimize : new boolean[] {false, true}) {
            for (int n = 1; n <= 40; n += 3) {
                Observer undisturbed = new Observer();
                Budget budget = Budget.ofLossEvaluations(n);
                Outcome expected =
                        stages(new Loss(), optimize).search(source, Loss.phased(SECOND), budget, undisturbed);
                for (int done = 0; done <= undisturbed.scored.size(); done++) {
                    Observer resumed = Observer.resuming(undisturbed.scored.subList(0, done));
                    Outcome outcome = stages(new Loss(), optimize).search(source, Loss.phased(SECOND), budget, resumed);
                    assertThat(resumed.scored).isEqualTo(undisturbed.scored);
                    assertThat(outcome).isEqualTo(expected);
                }
            }
        }
    }

    @Test
    void search_firstStageReachesItsPlateau_secondStillChooses() {
        Loss floor = Loss.batched(3);
        floor.score = noise -> Math.max(0.9, floor.smooth(noise));
        Observer observer = new Observer();
        Outcome outcome = stages(floor, false).search(source, Loss.phased(SECOND), Fakes.plateauBudget(500), observer);
        assertThat(outcome.stopReason()).isEqualTo(StopReason.PLATEAU);
        assertThat(floor.evaluations()).isLessThan(399);
        assertThat(observer.scored).hasSizeBetween(2, 101);
    }

    @Test
    void search_wallTimeOnly_givesHalfOfItToTheFirstStage() {
        AtomicLong now = new AtomicLong();
        Loss first = ticking(new Loss(), now);
        Loss second = ticking(Loss.phased(SECOND), now);
        TwoStageSearch search = new TwoStageSearch(first, null, Fakes.PLATEAU, now::get);
        Outcome outcome =
                search.search(source, second, new Budget(0, 0, Duration.ofSeconds(41), false), new Observer());
        assertThat(first.evaluations()).isEqualTo(20);
        assertThat(second.evaluations()).isEqualTo(1 + 5);
        assertThat(outcome.stopReason()).isEqualTo(StopReason.BUDGET);
    }

    @Test
    void search_optimizingWithoutAGradient_rejectedBeforeAnySpending() {
        Loss first = new Loss();
        first.differentiable = false;
        Loss second = new Loss();
        assertThatThrownBy(
                        () -> stages(first, true).search(source, second, Budget.ofLossEvaluations(9), new Observer()))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(second.evaluations()).isZero();
    }

    private static TwoStageSearch stages(Loss first, boolean optimize) {
        return optimize
                ? TwoStageSearch.optimizing(first, InitNoParameters.DEFAULT, Fakes.PLATEAU)
                : TwoStageSearch.ranking(first, Fakes.PLATEAU);
    }

    private static Loss ticking(Loss loss, AtomicLong now) {
        loss.score = noise -> {
            now.addAndGet(Duration.ofSeconds(1).toNanos());
            return loss.smooth(noise);
        };
        return loss;
    }
}
