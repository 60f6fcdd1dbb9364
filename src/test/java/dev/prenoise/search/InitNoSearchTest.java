package dev.prenoise.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseStep.Optimization;
import dev.prenoise.search.Fakes.Loss;
import dev.prenoise.search.Fakes.Observer;
import dev.prenoise.search.Fakes.Source;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class InitNoSearchTest {
    private final Source source = new Source();
    private final InitNoSearch search = new InitNoSearch(InitNoParameters.DEFAULT, Fakes.PLATEAU);

    @Test
    void search_everyBudget_spendsAllOfItAndNoMore() {
        for (int n = 1; n <= 40; n++) {
            for (int batch = 1; batch <= 7; batch++) {
                Loss loss = Loss.batched(batch);
                Outcome outcome = search.search(source, loss, Budget.ofLossEvaluations(n), new Observer());
                assertThat(loss.evaluations()).isEqualTo(n);
                assertThat(outcome.spent()).isEqualTo(new Spend(n, 2 * n, n, n));
                assertThat(outcome.stopReason()).isEqualTo(StopReason.BUDGET);
                assertThat(outcome.ranked()).hasSize(1 + (n == 1 ? 0 : (n + 9) / 10));
                assertThat(loss.batches).containsOnly(1);
            }
        }
    }

    @Test
    void search_everyBudgetInFunctionEvaluations_neverExceeded() {
        for (int nfe = 1; nfe <= 40; nfe++) {
            Loss loss = new Loss();
            loss.cost = new Spend(1, 3, 1, 1);
            Outcome outcome = search.search(source, loss, new Budget(0, nfe, Duration.ZERO, false), new Observer());
            assertThat(loss.evaluations()).isEqualTo(nfe / 3);
            assertThat(outcome.spent().functionEvaluations()).isEqualTo(nfe / 3 * 3);
        }
    }

    @Test
    void search_oneEvaluation_isTheHostsNoise() {
        Outcome outcome = search.search(source, new Loss(), Budget.ofLossEvaluations(1), new Observer());
        assertThat(outcome.ranked()).containsExactly(outcome.baseline());
        assertThat(outcome.baseline().recipe()).isEqualTo(source.recipe(0));
        assertThat(outcome.baseline().noise()).isNull();
        assertThat(outcome.baseline().score()).isEqualTo(new Loss().smooth(source.draw(0)));
        assertThat(outcome.baseline().cost()).isEqualTo(new Spend(1, 2, 1, 1));
    }

    @Test
    void search_startsInTurn_candidatesSayWhatTheyCostAndHowTheyWereMade() {
        Observer observer = new Observer();
        Loss loss = new Loss();
        search.search(source, loss, Budget.ofLossEvaluations(23), observer);
        assertThat(observer.scored).extracting(Candidate::index).containsExactly(0, 1, 2, 3);
        assertThat(observer.scored)
                .extracting(candidate -> candidate.cost().lossEvaluations())
                .containsExactly(1, 9, 10, 3);
        for (int k = 1; k <= 3; k++) {
            Candidate candidate = observer.scored.get(k);
            List<Noise> evaluated = iterates(loss, source.draw(k - 1), k == 3 ? 2 : 9);
            // the host's noise itself is candidate 0, not 1
            int best = IntStream.range(k == 1 ? 1 : 0, evaluated.size())
                    .boxed()
                    .min(Comparator.comparingDouble(i -> loss.smooth(evaluated.get(i))))
                    .orElseThrow();
            assertThat(best).isPositive();
            assertThat(candidate.recipe().seed()).isEqualTo(source.recipe(k - 1).seed());
            assertThat(candidate.recipe().steps()).containsExactly(new Optimization("initno", best));
            assertThat(candidate.noise()).isEqualTo(evaluated.get(best));
        }
    }

    @Test
    void search_results_areScoredAsTheyAre() {
        Observer observer = new Observer();
        Loss loss = new Loss();
        Outcome outcome = search.search(source, loss, Budget.ofLossEvaluations(40), observer);
        for (Candidate candidate : observer.scored.subList(1, observer.scored.size())) {
            assertThat(candidate.score()).isEqualTo(loss.smooth(candidate.noise()));
            assertThat(candidate.score()).isLessThan(loss.smooth(source.draw(candidate.index() - 1)));
        }
        assertThat(outcome.ranked().get(0).score())
                .isLessThan(outcome.baseline().score());
        assertThat(outcome.baseline()).isEqualTo(observer.scored.get(0));
    }

    @Test
    void search_stepsOnlyMakeItWorse_plainSeedsAreTheResults() {
        Loss rising = new Loss();
        AtomicInteger calls = new AtomicInteger();
        rising.score = noise -> (double) calls.incrementAndGet();
        Observer observer = new Observer();
        Outcome outcome = search.search(source, rising, Budget.ofLossEvaluations(20), observer);
        assertThat(outcome.ranked().get(0)).isEqualTo(outcome.baseline());
        assertThat(observer.scored.get(1).recipe().steps()).containsExactly(new Optimization("initno", 1));
        assertThat(observer.scored.get(2).recipe()).isEqualTo(source.recipe(1));
        assertThat(observer.scored.get(2).noise()).isEqualTo(source.draw(1));
    }

    @Test
    void search_thresholdsMet_endsTheWholeSearch() {
        Observer all = new Observer();
        search.search(source, new Loss(), Budget.ofLossEvaluations(40), all);
        double easiest = all.scored.stream().mapToDouble(Candidate::score).min().orElseThrow();
        InitNoParameters eager = thresholds(0.6 * easiest + 1e-9);
        Loss loss = new Loss();
        Observer observer = new Observer();
        Outcome outcome = new InitNoSearch(eager).search(source, loss, Budget.ofLossEvaluations(40), observer);
        assertThat(outcome.stopReason()).isEqualTo(StopReason.THRESHOLD);
        assertThat(loss.evaluations()).isLessThanOrEqualTo(40);
        Candidate last = observer.scored.get(observer.scored.size() - 1);
        assertThat(last.terms()).containsEntry("success", 1.0);
        assertThat(last.terms().get("cross")).isLessThan(eager.tauCrossAttn());
        assertThat(observer.scored.subList(0, observer.scored.size() - 1))
                .noneMatch(candidate -> candidate.terms().containsKey("success"));
    }

    @Test
    void search_hostsNoiseMeetsThresholds_isTheOnlyCandidate() {
        Loss loss = new Loss();
        Outcome outcome =
                new InitNoSearch(thresholds(5)).search(source, loss, Budget.ofLossEvaluations(40), new Observer());
        assertThat(outcome.ranked()).hasSize(1);
        assertThat(outcome.stopReason()).isEqualTo(StopReason.THRESHOLD);
        assertThat(loss.evaluations()).isEqualTo(1);
    }

    @Test
    void search_lossWithoutTerms_neverEndsEarly() {
        Evaluation bare = new Evaluation(0, Map.of("contrastive", 0.0), null);
        assertThat(InitNoStart.meetsThresholds(bare.terms(), thresholds(5))).isFalse();
        assertThat(InitNoStart.meetsThresholds(Map.of("cross", 0.1), thresholds(5)))
                .isFalse();
        assertThat(InitNoStart.meetsThresholds(Map.of("cross", 0.1, "self_cross", 0.1), thresholds(5)))
                .isTrue();
    }

    @Test
    void search_cancelledAtEachEvaluation_keepsTheBestIterateUnreported() {
        Loss whole = new Loss();
        for (int question = 1; question <= 25; question++) {
            Observer observer = Observer.stoppingAtQuestion(question);
            Loss loss = new Loss();
            Outcome outcome = search.search(source, loss, Budget.ofLossEvaluations(25), observer);
            assertThat(loss.evaluations()).isEqualTo(question - 1);
            assertThat(outcome.spent().lossEvaluations()).isEqualTo(question - 1);
            assertThat(outcome.stopReason()).isEqualTo(StopReason.CANCELLED);
            boolean within = (question - 1) % 10 != 0 && question != 2;
            assertThat(outcome.ranked()).hasSize(observer.scored.size() + (within ? 1 : 0));
            outcome.ranked().stream()
                    .filter(candidate -> candidate.index() > 0)
                    .forEach(candidate -> assertThat(candidate.score()).isEqualTo(whole.smooth(candidate.noise())));
        }
    }

    @Test
    void search_resumedAfterEachCandidate_equalsUndisturbed() {
        double easy = 0.55;
        Set<StopReason> reasons = EnumSet.noneOf(StopReason.class);
        for (InitNoParameters parameters : List.of(
                InitNoParameters.DEFAULT,
                thresholds(easy),
                InitNoParameters.PUBLISHED,
                new InitNoParameters(1e-2, 1e-3, 3, 0, 0.2, 0.3, 1e-3, 20_000, false, 0))) {
            InitNoSearch tried = new InitNoSearch(parameters, Fakes.PLATEAU);
            for (Budget budget : List.of(Fakes.plateauBudget(64), Budget.ofLossEvaluations(33))) {
                Observer undisturbed = new Observer();
                Outcome expected = tried.search(source, new Loss(), budget, undisturbed);
                reasons.add(expected.stopReason());
                for (int done = 0; done <= undisturbed.scored.size(); done++) {
                    Observer resumed = Observer.resuming(undisturbed.scored.subList(0, done));
                    Outcome outcome = tried.search(source, new Loss(), budget, resumed);
                    assertThat(resumed.scored).isEqualTo(undisturbed.scored);
                    assertThat(resumed.best).isEqualTo(undisturbed.best);
                    assertThat(outcome).isEqualTo(expected);
                }
            }
        }
        assertThat(reasons).containsExactlyInAnyOrder(StopReason.BUDGET, StopReason.THRESHOLD, StopReason.PLATEAU);
    }

    @Test
    void search_resumed_evaluatesOnlyWhatIsMissing() {
        Observer undisturbed = new Observer();
        search.search(source, new Loss(), Budget.ofLossEvaluations(33), undisturbed);
        Loss loss = new Loss();
        search.search(source, loss, Budget.ofLossEvaluations(33), Observer.resuming(undisturbed.scored.subList(0, 2)));
        assertThat(loss.evaluations()).isEqualTo(23);
        // candidate 0 is on record, but the first start needs its gradient again
        Loss again = new Loss();
        search.search(source, again, Budget.ofLossEvaluations(33), Observer.resuming(undisturbed.scored.subList(0, 1)));
        assertThat(again.evaluations()).isEqualTo(33);
    }

    @Test
    void search_progress_countsEveryEvaluation() {
        Observer observer = new Observer();
        search.search(source, new Loss(), Budget.ofLossEvaluations(21), observer);
        assertThat(observer.stages)
                .hasSize(20)
                .startsWith("start 1, evaluation 2")
                .endsWith("start 3, evaluation 1");
        assertThat(observer.spent).extracting(Spend::lossEvaluations).isSorted().endsWith(21);
    }

    @Test
    void search_plateau_endsAtACheckpointOfStarts() {
        Loss floor = new Loss();
        floor.score = noise -> 1.0;
        Outcome outcome = search.search(source, floor, Fakes.plateauBudget(500), new Observer());
        assertThat(outcome.stopReason()).isEqualTo(StopReason.PLATEAU);
        assertThat(outcome.spent().lossEvaluations()).isEqualTo(80);
    }

    @Test
    void search_wallTimeOver_reportsTheStartAsFarAsItCame() {
        AtomicLong now = new AtomicLong();
        Loss slow = new Loss();
        slow.score = noise -> {
            now.addAndGet(Duration.ofSeconds(1).toNanos());
            return slow.smooth(noise);
        };
        Observer observer = new Observer();
        Outcome outcome = new InitNoSearch(InitNoParameters.DEFAULT, Fakes.PLATEAU, now::get)
                .search(source, slow, new Budget(0, 0, Duration.ofSeconds(14), false), observer);
        assertThat(outcome.stopReason()).isEqualTo(StopReason.BUDGET);
        assertThat(observer.scored)
                .extracting(candidate -> candidate.cost().lossEvaluations())
                .containsExactly(1, 9, 4);
    }

    @Test
    void search_lossTurnsNaN_endsThatStartOnly() {
        Loss broken = new Loss();
        AtomicInteger calls = new AtomicInteger();
        broken.score = noise -> calls.incrementAndGet() == 4 ? Double.NaN : broken.smooth(noise);
        Observer observer = new Observer();
        Outcome outcome = search.search(source, broken, Budget.ofLossEvaluations(24), observer);
        assertThat(observer.scored)
                .extracting(candidate -> candidate.cost().lossEvaluations())
                .containsExactly(1, 3, 10, 10);
        assertThat(outcome.ranked()).allMatch(candidate -> Double.isFinite(candidate.score()));
        assertThat(observer.scored.get(1).recipe().steps()).containsExactly(new Optimization("initno", 2));
    }

    @Test
    void search_literal_returnsTheUnevaluatedIterateUnderTheScoreBefore() {
        InitNoParameters literal = new InitNoParameters(1e-2, 1e-3, 10, 0, 0.2, 0.3, 1e-3, 20_000, true, 0);
        Observer observer = new Observer();
        Loss loss = new Loss();
        new InitNoSearch(literal).search(source, loss, Budget.ofLossEvaluations(20), observer);
        Candidate candidate = observer.scored.get(1);
        List<Noise> iterates = iterates(loss, source.draw(0), 10);
        assertThat(candidate.recipe().steps()).containsExactly(new Optimization("initno", 10));
        assertThat(candidate.noise()).isEqualTo(iterates.get(10));
        assertThat(candidate.score())
                .isEqualTo(0.6 * loss.smooth(iterates.get(9)) + 0.4 * loss.smooth(iterates.get(9)));
    }

    @Test
    void score_literal_addsOneWhereTheSelfTermWasGatedAway() {
        Evaluation gated = new Evaluation(9, Map.of("cross", 0.6, "self", 0.0), null);
        Evaluation open = new Evaluation(9, Map.of("cross", 0.25, "self", 0.25), null);
        Evaluation selfCross = new Evaluation(9, Map.of("cross", 0.75, "self", 0.0, "self_cross", 0.0), null);
        assertThat(InitNoStart.score(gated, InitNoParameters.PUBLISHED)).isEqualTo(1.6);
        assertThat(InitNoStart.score(open, InitNoParameters.PUBLISHED)).isEqualTo(0.5);
        assertThat(InitNoStart.score(selfCross, InitNoParameters.PUBLISHED)).isEqualTo(0.75);
        assertThat(InitNoStart.score(gated, InitNoParameters.DEFAULT)).isEqualTo(9);
    }

    @Test
    void search_published_fiveStartsThenFiftyStepsFromTheBestOne() {
        Loss loss = new Loss();
        Observer observer = new Observer();
        Outcome outcome = new InitNoSearch(InitNoParameters.PUBLISHED)
                .search(source, loss, Budget.ofLossEvaluations(200), observer);
        assertThat(loss.evaluations()).isEqualTo(100);
        assertThat(outcome.stopReason()).isEqualTo(StopReason.THRESHOLD);
        assertThat(observer.scored).hasSize(7);
        Candidate best = observer.scored.subList(1, 6).stream()
                .min(Leaderboard.order(true))
                .orElseThrow();
        assertThat(observer.scored.get(6).recipe().seed())
                .isEqualTo(best.recipe().seed());
        assertThat(observer.scored.get(6).cost().lossEvaluations()).isEqualTo(50);
    }

    @Test
    void search_retryWithinTheBudget_isCutByIt() {
        Loss loss = new Loss();
        new InitNoSearch(InitNoParameters.PUBLISHED).search(source, loss, Budget.ofLossEvaluations(63), new Observer());
        assertThat(loss.evaluations()).isEqualTo(63);
    }

    @Test
    void search_oneEvaluationAStart_isBestOfN() {
        InitNoParameters one = new InitNoParameters(1e-2, 1e-3, 1, 0, 0.2, 0.3, 1e-3, 20_000, false, 0);
        Observer observer = new Observer();
        new InitNoSearch(one).search(source, new Loss(), Budget.ofLossEvaluations(12), observer);
        Observer expected = new Observer();
        new BestOfN().search(source, new Loss(), Budget.ofLossEvaluations(12), expected);
        assertThat(observer.scored).extracting(Candidate::score).isEqualTo(scores(expected));
        assertThat(observer.scored).extracting(Candidate::recipe).isEqualTo(recipes(expected));
    }

    @Test
    void search_noGradientOrNoLoss_rejected() {
        Loss flat = new Loss();
        flat.differentiable = false;
        assertThatThrownBy(() -> search.search(source, flat, Budget.ofLossEvaluations(5), new Observer()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageEndingWith("(expected: a loss with a gradient)");
        Loss verifier = new Loss();
        verifier.lowerIsBetter = false;
        assertThatThrownBy(() -> search.search(source, verifier, Budget.ofLossEvaluations(5), new Observer()))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void parameters_outOfRange_namesTheField() {
        assertThatThrownBy(() -> new InitNoParameters(1e-2, 1e-3, 0, 0, 0.2, 0.3, 1e-3, 9, false, 0))
                .hasMessage("max_step: 0 (expected: >= 1)");
        assertThatThrownBy(() -> new InitNoParameters(Double.NaN, 1e-3, 1, 0, 0.2, 0.3, 1e-3, 9, false, 0))
                .hasMessage("initno_lr: NaN (expected: > 0)");
        assertThatThrownBy(() -> new InitNoParameters(1e-2, 1e-3, 1, 0, 0.2, 0.3, 1e-3, 9, false, 50))
                .hasMessage("max_round: 0 (expected: >= 1 where retry_max_step is set)");
    }

    /** The start and what each step made of it. */
    private static List<Noise> iterates(Loss loss, Noise start, int steps) {
        InitNoOptimizer optimizer = new InitNoOptimizer(start.data(), InitNoParameters.DEFAULT);
        List<Noise> iterates = new ArrayList<>(List.of(start));
        for (int i = 0; i < steps; i++) {
            Evaluation evaluation =
                    loss.evaluateWithGradient(List.of(iterates.get(i))).get(0);
            optimizer.step(evaluation.gradient().data());
            iterates.add(Noise.of(start.shape(), optimizer.candidate()));
        }
        return iterates;
    }

    private static InitNoParameters thresholds(double cross) {
        return new InitNoParameters(1e-2, 1e-3, 10, 0, cross, 10, 1e-3, 20_000, false, 0);
    }

    private static List<Double> scores(Observer observer) {
        return observer.scored.stream().map(Candidate::score).toList();
    }

    private static List<Object> recipes(Observer observer) {
        return observer.scored.stream()
                .map(candidate -> (Object) candidate.recipe())
                .toList();
    }
}
