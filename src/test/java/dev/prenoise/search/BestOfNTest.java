package dev.prenoise.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.search.Fakes.Loss;
import dev.prenoise.search.Fakes.Observer;
import dev.prenoise.search.Fakes.Source;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class BestOfNTest {
    private final Source source = new Source();
    private final BestOfN bestOfN = new BestOfN(Fakes.PLATEAU);

    @Test
    void search_everyBudgetAndBatch_spendsAllOfItAndNoMore() {
        for (int n = 1; n <= 40; n++) {
            for (int batch = 1; batch <= 7; batch++) {
                Loss loss = Loss.batched(batch);
                Outcome outcome = bestOfN.search(source, loss, Budget.ofLossEvaluations(n), new Observer());
                assertThat(loss.evaluations()).isEqualTo(n);
                assertThat(outcome.spent()).isEqualTo(new Spend(n, 2 * n, loss.batches.size(), n));
                assertThat(outcome.stopReason()).isEqualTo(StopReason.BUDGET);
                assertThat(outcome.ranked()).hasSize(n);
                assertThat(loss.batches).hasSize((n + batch - 1) / batch);
            }
        }
    }

    @Test
    void search_everyBudgetInFunctionEvaluations_neverExceeded() {
        for (int nfe = 1; nfe <= 40; nfe++) {
            for (int batch = 1; batch <= 7; batch++) {
                Loss loss = Loss.batched(batch);
                loss.cost = new Spend(0, 3, 1, 2);
                Outcome outcome =
                        bestOfN.search(source, loss, new Budget(0, nfe, Duration.ZERO, false), new Observer());
                assertThat(loss.evaluations()).isEqualTo(nfe / 3);
                assertThat(outcome.spent().functionEvaluations()).isEqualTo(nfe / 3 * 3);
            }
        }
    }

    /** The very objects: who has begun with one knows it again. */
    @Test
    void search_evaluatorThatBeginsAhead_isToldWhatFollowsAsFarAsTheBudgetGoes() {
        Loss loss = Loss.batched(3);
        loss.ahead = 5;
        Outcome outcome = bestOfN.search(source, loss, Budget.ofLossEvaluations(10), new Observer());
        assertThat(loss.batches).containsExactly(3, 3, 3, 1);
        assertThat(loss.following).extracting(List::size).containsExactly(5, 4, 1, 0);
        for (int call = 0; call < 4; call++) {
            for (int i = 0; i < loss.following.get(call).size(); i++) {
                assertThat(loss.following.get(call).get(i)).isSameAs(loss.asked.get(3 * (call + 1) + i));
            }
        }
        assertThat(outcome.spent()).isEqualTo(new Spend(10, 20, 4, 10));
    }

    @Test
    void search_evaluatorThatBeginsAhead_isNotLedBeyondAPlateausCheckpoint() {
        Loss loss = new Loss();
        loss.ahead = 1000;
        loss.score = noise -> 1.0;
        Outcome outcome = bestOfN.search(source, loss, Fakes.plateauBudget(200), new Observer());
        assertThat(outcome.stopReason()).isEqualTo(StopReason.PLATEAU);
        assertThat(loss.following.get(loss.following.size() - 1)).isEmpty();
    }

    @Test
    void search_anyBatchSize_sameCandidatesAndEnd() {
        for (int n = 1; n <= 40; n++) {
            Observer one = new Observer();
            Outcome expected = bestOfN.search(source, new Loss(), Fakes.plateauBudget(n), one);
            for (int batch = 2; batch <= 7; batch++) {
                Observer many = new Observer();
                Outcome outcome = bestOfN.search(source, Loss.batched(batch), Fakes.plateauBudget(n), many);
                assertThat(many.scored).isEqualTo(one.scored);
                assertThat(many.best).isEqualTo(one.best);
                assertThat(outcome.ranked()).isEqualTo(expected.ranked());
                assertThat(outcome.stopReason()).isEqualTo(expected.stopReason());
                assertThat(outcome.spent().lossEvaluations())
                        .isEqualTo(expected.spent().lossEvaluations());
            }
        }
    }

    @Test
    void search_batchShrinksWhileItRuns_sameCandidates() {
        Observer steady = new Observer();
        bestOfN.search(source, Loss.batched(8), Budget.ofLossEvaluations(30), steady);
        Loss shrinking = new Loss();
        shrinking.maxBatch = () -> Math.max(1, 8 - shrinking.batches.size());
        Observer observer = new Observer();
        bestOfN.search(source, shrinking, Budget.ofLossEvaluations(30), observer);
        assertThat(observer.scored).isEqualTo(steady.scored);
        assertThat(shrinking.batches).containsExactly(8, 7, 6, 5, 4);
    }

    @Test
    void search_oneCandidate_isTheHostsNoise() {
        Outcome outcome = bestOfN.search(source, Loss.batched(4), Budget.ofLossEvaluations(1), new Observer());
        assertThat(outcome.ranked()).containsExactly(outcome.baseline());
        assertThat(outcome.baseline().recipe()).isEqualTo(source.recipe(0));
        assertThat(outcome.baseline().index()).isZero();
        assertThat(outcome.baseline().noise()).isNull();
        assertThat(outcome.baseline().score()).isEqualTo(new Loss().smooth(source.draw(0)));
    }

    @Test
    void search_hostsOwnTensor_travelsWithCandidate0() {
        CandidateSource based = new CandidateSource() {
            @Override
            public NoiseRecipe recipe(int index) {
                return index > 0
                        ? source.recipe(index)
                        : new NoiseRecipe(1, NoiseSource.NV_PHILOX, List.of(1L, 2L, 2L, 4L), List.of(), "ab");
            }

            @Override
            public Noise draw(int index) {
                return source.draw(index);
            }

            @Override
            public long deriveSeed(int round, int index) {
                return 0;
            }
        };
        Observer observer = new Observer();
        bestOfN.search(based, new Loss(), Budget.ofLossEvaluations(2), observer);
        assertThat(observer.scored.get(0).noise()).isEqualTo(source.draw(0));
        assertThat(observer.scored.get(1).noise()).isNull();
    }

    @Test
    void search_equalScores_firstWins() {
        Loss flat = Loss.batched(3);
        flat.score = noise -> 0.5;
        Outcome outcome = bestOfN.search(source, flat, Budget.ofLossEvaluations(10), new Observer());
        assertThat(outcome.ranked()).extracting(Candidate::index).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    }

    @Test
    void search_notFiniteScores_neverWin() {
        Loss broken = Loss.batched(3);
        broken.score = noise -> noise.equals(source.draw(0))
                ? Double.NaN
                : noise.equals(source.draw(2)) ? Double.NEGATIVE_INFINITY : broken.smooth(noise);
        Observer observer = new Observer();
        Outcome outcome = bestOfN.search(source, broken, Budget.ofLossEvaluations(5), observer);
        assertThat(outcome.ranked()).hasSize(5);
        assertThat(outcome.ranked().subList(0, 3)).allMatch(candidate -> Double.isFinite(candidate.score()));
        assertThat(outcome.ranked().subList(3, 5)).extracting(Candidate::index).containsExactly(0, 2);
        assertThat(outcome.baseline().score()).isNaN();
        assertThat(observer.best.get(0)).isFalse();
        assertThat(observer.best.get(1)).isTrue();
    }

    @Test
    void search_allScoresNaN_hostsNoiseStandsFirst() {
        Loss broken = new Loss();
        broken.score = noise -> Double.NaN;
        Outcome outcome = bestOfN.search(source, broken, Fakes.plateauBudget(20), new Observer());
        assertThat(outcome.ranked().get(0).index()).isZero();
        assertThat(outcome.stopReason()).isEqualTo(StopReason.BUDGET);
    }

    @Test
    void search_higherIsBetter_highestWins() {
        Loss verifier = Loss.batched(5);
        verifier.lowerIsBetter = false;
        Outcome outcome = bestOfN.search(source, verifier, Budget.ofLossEvaluations(20), new Observer());
        assertThat(outcome.ranked()).isSortedAccordingTo((a, b) -> Double.compare(b.score(), a.score()));
        assertThat(outcome.ranked().get(0).score())
                .isGreaterThan(outcome.baseline().score());
    }

    @Test
    void search_cancelledAtEachEvaluation_keepsWhatWasScored() {
        for (int question = 1; question <= 12; question++) {
            Observer observer = Observer.stoppingAtQuestion(question);
            Loss loss = new Loss();
            Outcome outcome = bestOfN.search(source, loss, Budget.ofLossEvaluations(12), observer);
            assertThat(loss.evaluations()).isEqualTo(question - 1);
            assertThat(outcome.stopReason()).isEqualTo(StopReason.CANCELLED);
            assertThat(outcome.ranked()).hasSize(question - 1);
            assertThat(outcome.spent().lossEvaluations()).isEqualTo(question - 1);
        }
    }

    @Test
    void search_cancelledBeforeAnything_baselineIsUnscored() {
        Outcome outcome =
                bestOfN.search(source, new Loss(), Budget.ofLossEvaluations(3), Observer.stoppingAtQuestion(1));
        assertThat(outcome.ranked()).isEmpty();
        assertThat(outcome.baseline().recipe()).isEqualTo(source.recipe(0));
        assertThat(outcome.baseline().score()).isNaN();
        assertThat(outcome.spent()).isEqualTo(Spend.NONE);
    }

    @Test
    void search_resumedAfterEachCandidate_equalsUndisturbed() {
        for (Budget budget : List.of(Budget.ofLossEvaluations(30), Fakes.plateauBudget(30))) {
            Observer undisturbed = new Observer();
            Outcome expected = bestOfN.search(source, new Loss(), budget, undisturbed);
            int all = undisturbed.scored.size();
            for (int done = 0; done <= all; done++) {
                Observer resumed = Observer.resuming(undisturbed.scored.subList(0, done));
                Loss loss = Loss.batched(1 + done % 4);
                Outcome outcome = bestOfN.search(source, loss, budget, resumed);
                assertThat(loss.evaluations()).isEqualTo(all - done);
                assertThat(resumed.scored).isEqualTo(undisturbed.scored);
                assertThat(resumed.best).isEqualTo(undisturbed.best);
                assertThat(outcome.ranked()).isEqualTo(expected.ranked());
                assertThat(outcome.stopReason()).isEqualTo(expected.stopReason());
                assertThat(outcome.spent().lossEvaluations())
                        .isEqualTo(expected.spent().lossEvaluations());
            }
        }
    }

    @Test
    void search_recordedWithGaps_evaluatesTheGapsOnly() {
        Observer undisturbed = new Observer();
        bestOfN.search(source, new Loss(), Budget.ofLossEvaluations(10), undisturbed);
        Observer resumed = Observer.resuming(
                List.of(undisturbed.scored.get(0), undisturbed.scored.get(3), undisturbed.scored.get(4)));
        Loss loss = Loss.batched(4);
        bestOfN.search(source, loss, Budget.ofLossEvaluations(10), resumed);
        assertThat(resumed.scored).isEqualTo(undisturbed.scored);
        assertThat(loss.batches).containsExactly(2, 4, 1);
    }

    @Test
    void search_plateau_endsAtACheckpointThatNoBatchCrosses() {
        Loss floor = Loss.batched(5);
        floor.score = noise -> Math.max(0.9, floor.smooth(noise));
        Outcome outcome = bestOfN.search(source, floor, Fakes.plateauBudget(1000), new Observer());
        assertThat(outcome.stopReason()).isEqualTo(StopReason.PLATEAU);
        assertThat(floor.batches).startsWith(5, 3);
        int end = outcome.ranked().size();
        assertThat(PlateauRule.nextCheckpoint(end - 1)).isEqualTo(end);
        assertThat(end).isLessThan(100);
    }

    @Test
    void search_wallTimeOver_endsBetweenEvaluations() {
        AtomicLong now = new AtomicLong();
        Loss slow = new Loss();
        slow.score = noise -> {
            now.addAndGet(Duration.ofSeconds(2).toNanos());
            return slow.smooth(noise);
        };
        BestOfN timed = new BestOfN(PlateauRule.DEFAULT, now::get);
        Outcome outcome = timed.search(source, slow, new Budget(0, 0, Duration.ofSeconds(5), false), new Observer());
        assertThat(outcome.ranked()).hasSize(3);
        assertThat(outcome.stopReason()).isEqualTo(StopReason.BUDGET);
        now.set(0);
        Outcome least = timed.search(source, slow, new Budget(0, 0, Duration.ofNanos(1), false), new Observer());
        assertThat(least.ranked()).hasSize(1);
    }

    @Test
    void search_budgetThatIsNeverMet_rejected() {
        Budget none = new Budget(0, 0, Duration.ZERO, true);
        assertThatThrownBy(() -> bestOfN.search(source, new Loss(), none, new Observer()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("budget: ");
        Loss free = new Loss();
        free.cost = new Spend(0, 2, 1, 1);
        assertThatThrownBy(() -> bestOfN.search(source, free, Budget.ofLossEvaluations(5), new Observer()))
                .hasMessageContaining("expected: a limit on what an evaluation spends");
    }

    @Test
    void search_evaluatorAnswersForFewer_rejected() {
        Loss loss = Loss.batched(2);
        Evaluator short1 = new Evaluator() {
            @Override
            public int maxBatch() {
                return 2;
            }

            @Override
            public boolean lowerIsBetter() {
                return true;
            }

            @Override
            public boolean differentiable() {
                return false;
            }

            @Override
            public Spend cost() {
                return loss.cost();
            }

            @Override
            public List<Evaluation> evaluate(List<Noise> noises) {
                return loss.evaluate(noises.subList(0, 1));
            }

            @Override
            public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
                throw new UnsupportedOperationException();
            }
        };
        assertThatThrownBy(() -> bestOfN.search(source, short1, Budget.ofLossEvaluations(5), new Observer()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("evaluations: 1 (expected: 2, one for each noise)");
    }
}
