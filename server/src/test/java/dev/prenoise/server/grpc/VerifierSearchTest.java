package dev.prenoise.server.grpc;

import static dev.prenoise.server.TestSidecar.violations;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.search.Ranking;
import dev.prenoise.server.SearchClient;
import dev.prenoise.server.TestSidecar;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.v1.Accepted;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.AttentionRanking;
import dev.prenoise.v1.Candidate;
import dev.prenoise.v1.Cascade;
import dev.prenoise.v1.Include;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.OptimizeNoiseResponse;
import dev.prenoise.v1.Output;
import dev.prenoise.v1.Progress;
import dev.prenoise.v1.Prompt;
import dev.prenoise.v1.SearchAlgorithm;
import dev.prenoise.v1.SearchState;
import dev.prenoise.v1.StopReason;
import dev.prenoise.v1.Summary;
import dev.prenoise.v1.Verifier;
import dev.prenoise.v1.VerifierSearch;
import dev.prenoise.verifier.Question;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Pictures judged, on a model and verifiers without networks: what a caller sees, and who is asked where. */
class VerifierSearchTest {
    private static final int CALLS = 4;

    private final TestSidecar sidecar = TestSidecar.onLoopback(SidecarConfig.DEFAULT);
    private final Semaphore turns = new Semaphore(0);

    @AfterEach
    void close() {
        turns.release(1_000_000);
        sidecar.close();
    }

    private static OptimizeNoiseRequest.Builder request(int pictures, String... verifiers) {
        VerifierSearch.Builder search = VerifierSearch.newBuilder();
        for (String verifier : verifiers) {
            search.addVerifiers(Verifier.newBuilder().setName(verifier));
        }
        OptimizeNoiseRequest.Builder request = TestSidecar.request(0).setVerifier(search);
        request.getBudgetBuilder().setPictures(pictures);
        return request;
    }

    private static Accepted accepted(SearchClient search) {
        return search.messages().get(0).getAccepted();
    }

    private StatusRuntimeException failure(OptimizeNoiseRequest.Builder request) {
        return sidecar.search(request.build()).failure();
    }

    @Test
    void oneVerifier_higherIsBetterAndItsRawScoreIsTheScore() {
        SearchClient search = sidecar.search(
                request(6, "bright").setOutput(Output.newBuilder().setBest(6)).build());

        Summary summary = search.summary();
        assertThat(search.candidates()).hasSize(6).noneMatch(Candidate::getScoreIsLoss);
        assertThat(search.candidates()).allSatisfy(candidate -> assertThat(candidate.getTermsMap())
                .isEqualTo(Map.of("bright", candidate.getScore())));
        assertThat(summary.getBestList())
                .extracting(Candidate::getScore)
                .isSortedAccordingTo(Comparator.reverseOrder());
        assertThat(summary.getBest(0).getScore())
                .isGreaterThanOrEqualTo(summary.getBaseline().getScore());
        assertThat(search.candidates().stream().filter(Candidate::getBestSoFar).reduce((a, b) -> b))
                .hasValueSatisfying(last ->
                        assertThat(last.getIndex()).isEqualTo(summary.getBest(0).getIndex()));
    }

    @Test
    void spent_countsFunctionEvaluationsCallsAndRows() {
        sidecar.catalog.maxBatch = 3;
        SearchClient search = sidecar.search(request(6, "bright").build());

        Progress spent = search.summary().getSpent();
        assertThat(spent.getFunctionEvaluations()).isEqualTo(6 * CALLS);
        assertThat(spent.getLossEvaluations()).isZero();
        assertThat(spent.getDenoiserCalls()).isEqualTo(2 * CALLS);
        assertThat(spent.getBatchRows()).isEqualTo(6 * CALLS * 2);
        assertThat(spent.getFraction()).isEqualTo(1);
        assertThat(search.messages().stream()
                        .filter(OptimizeNoiseResponse::hasProgress)
                        .map(event -> event.getProgress().getStage()))
                .contains("best-of-n");
    }

    @Test
    void ensemble_summaryRanksAllByTheirStoredTerms() {
        SearchClient search = sidecar.search(request(9, "bright", "red", "picky")
                .setSearchId("s")
                .setOutput(Output.newBuilder().setBest(9))
                .build());

        Summary summary = search.summary();
        List<dev.prenoise.search.Candidate> pool = search.candidates().stream()
                .map(candidate -> new dev.prenoise.search.Candidate(
                        candidate.getIndex(),
                        Protos.recipe(candidate.getRecipe()),
                        null,
                        candidate.getScore(),
                        candidate.getTermsMap(),
                        dev.prenoise.search.Spend.NONE))
                .toList();
        List<dev.prenoise.search.Candidate> expected = Ranking.ensemble(Map.of("bright", 1.0, "red", 1.0, "picky", 1.0))
                .rank(pool);
        assertThat(summary.getBestList())
                .extracting(Candidate::getIndex)
                .isEqualTo(expected.stream().map(each -> each.index()).toList());
        assertThat(summary.getBestList())
                .extracting(Candidate::getScore)
                .isEqualTo(expected.stream().map(each -> each.score()).toList());
        Candidate baseline = summary.getBestList().stream()
                .filter(candidate -> candidate.getIndex() == 0)
                .findFirst()
                .orElseThrow();
        assertThat(summary.getBaseline()).isEqualTo(baseline);
        assertThat(sidecar.stored("s").getSummary().getBest(0))
                .isEqualTo(summary.getBest(0).toBuilder().build());
        assertThat(search.candidates().get(0).getScore()).as("alone").isEqualTo(0.5);
    }

    @Test
    void ensemble_weight_decides() {
        OptimizeNoiseRequest.Builder request = request(6, "bright", "dark");
        request.getVerifierBuilder().getVerifiersBuilder(1).setWeight(3);
        SearchClient search = sidecar.search(request.build());

        int best = search.summary().getBest(0).getIndex();
        assertThat(search.candidates().get(best).getTermsOrThrow("dark"))
                .isEqualTo(
                        search.candidates().stream()
                                .mapToDouble(candidate -> candidate.getTermsOrThrow("dark"))
                                .max()
                                .orElseThrow(),
                        within(0.0));
        assertThat(accepted(search).getVerifiersList())
                .extracting(Verifier::getWeight)
                .containsExactly(1.0, 3.0);
    }

    @Test
    void warnings_ofVerifiers_areInTheSummaryAndStayThere() {
        OptimizeNoiseRequest request = request(8, "picky").setSearchId("s").build();
        Summary summary = sidecar.search(request).summary();

        assertThat(summary.getWarningsList()).containsExactly("picky: odd pictures are not judged");
        assertThat(sidecar.stored("s").getSummary().getWarningsList()).isEqualTo(summary.getWarningsList());
    }

    @Test
    void warnings_thatCountOn_areToldWithTheLastCount_alsoThoseOfAnEarlierRun() {
        turns.release(3 * CALLS);
        sidecar.catalog.beforeEvaluation = prompt -> turns.acquire();
        OptimizeNoiseRequest request = request(8, "moody").setSearchId("s").build();
        SearchClient first = sidecar.search(request);
        first.awaitCandidates(2);
        first.cancel();
        SearchClient.await(() -> sidecar.catalog.stopped.getAsBoolean());
        turns.release(1000);
        sidecar.awaitState("s", SearchState.SEARCH_STATE_CANCELLED);
        List<String> before = sidecar.stored("s").getSummary().getWarningsList();
        assertThat(before).hasSize(1);

        assertThat(sidecar.search(request).summary().getWarningsList())
                .hasSize(2)
                .startsWith(before.get(0));
    }

    @Test
    void accepted_hasTheNamesThatAliasesStandFor_alsoAfterTheyMeanOthers() {
        turns.release(CALLS + 1);
        sidecar.catalog.beforeEvaluation = prompt -> turns.acquire();
        OptimizeNoiseRequest request = request(4, "clip").setSearchId("s").build();
        SearchClient first = sidecar.search(request);
        first.awaitCandidates(1);
        assertThat(accepted(first).getVerifiersList())
                .extracting(Verifier::getName)
                .containsExactly("red");
        first.cancel();
        SearchClient.await(() -> sidecar.catalog.stopped.getAsBoolean());
        turns.release(1000);
        sidecar.awaitState("s", SearchState.SEARCH_STATE_CANCELLED);
        sidecar.catalog.verifiers.clip = "bright";

        SearchClient again = sidecar.search(request);
        assertThat(again.summary().getBest(0).getTermsMap()).containsOnlyKeys("red");
        assertThat(accepted(again).getVerifiersList())
                .extracting(Verifier::getName)
                .containsExactly("red");
    }

    @Test
    void question_isThePromptWithoutItsWeights_theLabelAndTheInstructions() {
        OptimizeNoiseRequest.Builder request =
                request(1, "bright").setPrompt(Prompt.newBuilder().setText("a (red:1.4) cat"));
        request.getVerifierBuilder().getVerifiersBuilder(0).setLabel("tabby").setInstructions("be strict");
        sidecar.search(request.build()).summary();

        assertThat(sidecar.catalog.verifiers.questions)
                .containsExactly(new Question("a red cat", "tabby", "be strict"));
    }

    @Test
    void prompt_withoutASubject_isSearchedWith() {
        OptimizeNoiseRequest.Builder request = request(2, "red")
                .setPrompt(Prompt.newBuilder().setText("something beautiful"))
                .setOutput(Output.newBuilder().setAttention(true).setPreview(Include.INCLUDE_BEST))
                .setSearchId("s");
        SearchClient search = sidecar.search(request.build());
        Summary summary = search.summary();
        assertThat(accepted(search).getSubjectsList()).isEmpty();
        assertThat(summary.getBest(0).getPreviewPng().isEmpty()).isFalse();
        assertThat(sidecar.search(request.build()).summary()).isEqualTo(summary);

        assertThat(failure(TestSidecar.request(1).setPrompt(Prompt.newBuilder().setText("something beautiful"))))
                .hasMessage("INVALID_ARGUMENT: prompt.text: \"something beautiful\" (expected: a thing to show)");
    }

    @Test
    void budget_default_isSixteenPictures() {
        OptimizeNoiseRequest.Builder request = request(0, "bright");
        SearchClient search = sidecar.search(request.build());
        search.summary();
        assertThat(accepted(search).getBudget().getFunctionEvaluations()).isEqualTo(16 * CALLS);

        request.getVerifierBuilder().setSteps(2);
        SearchClient fast = sidecar.search(request.build());
        fast.summary();
        assertThat(accepted(fast).getBudget().getFunctionEvaluations()).isEqualTo(32);
    }

    @Test
    void budget_underOnePicture_namesTheLeast() {
        OptimizeNoiseRequest.Builder request = request(0, "bright");
        request.getBudgetBuilder().setFunctionEvaluations(3);
        assertThat(failure(request))
                .hasMessage(
                        "INVALID_ARGUMENT: budget.function_evaluations: 3 (expected: at least 4, those of one picture)");
    }

    @Test
    void verifier_thatCannotDoWhatIsWanted_isNamed() {
        assertThat(failure(request(1, "bright", "gone")))
                .hasMessage(
                        "INVALID_ARGUMENT: verifier.verifiers[1].name: \"gone\" (expected: one of those there are)");
        assertThat(failure(request(1, "aesthetic-l14")))
                .hasMessageContaining("verifier.verifiers[0].name: \"aesthetic-l14\" cannot be used: no files");
        assertThat(failure(request(1, "red", "bright", "clip")))
                .hasMessage(
                        "INVALID_ARGUMENT: verifier.verifiers[2].name: \"clip\" is red (expected: each verifier once;"
                                + " verifier.verifiers[0] is the same)");
        OptimizeNoiseRequest.Builder labelled = request(1, "bright");
        labelled.getVerifierBuilder().getVerifiersBuilder(0).setLabel("unicorn");
        assertThat(failure(labelled))
                .hasMessage("INVALID_ARGUMENT: verifier.verifiers[0].label: \"unicorn\" (expected: one of cat, frog)");
        OptimizeNoiseRequest.Builder noClassifier = request(1, "bright", "dark");
        noClassifier.getVerifierBuilder().getVerifiersBuilder(1).setLabel("tabby");
        assertThat(failure(noClassifier))
                .hasMessage("INVALID_ARGUMENT: verifier.verifiers[1].label: \"tabby\" (expected: empty, as dark is no"
                        + " classifier; those that take one: bright, sorter)");
        OptimizeNoiseRequest.Builder told = request(1, "red");
        told.getVerifierBuilder().getVerifiersBuilder(0).setInstructions("be strict");
        assertThat(failure(told))
                .hasMessage("INVALID_ARGUMENT: verifier.verifiers[0].instructions: \"be strict\" (expected: empty, as"
                        + " red is told nothing in words but the prompt; those that take one: bright)");
        OptimizeNoiseRequest.Builder stepped = request(1, "bright");
        stepped.getVerifierBuilder().setSteps(101);
        assertThat(violations(failure(stepped)).get(0).getField()).isEqualTo("verifier.steps");
        assertThat(sidecar.catalog.evaluations).isEmpty();
        SearchClient.await(
                () -> sidecar.catalog.openSessions.get() == 0 && sidecar.catalog.verifiers.openJudges.get() == 0);
    }

    @Test
    void cancel_stopsBeforeTheNextDenoiserCall() {
        sidecar.catalog.beforeEvaluation = prompt -> turns.acquire();
        SearchClient search =
                sidecar.search(request(1000, "bright").setSearchId("s").build());
        turns.release(CALLS + 1);
        search.awaitCandidates(1);
        SearchClient.await(turns::hasQueuedThreads);
        int before = sidecar.catalog.evaluations.size();
        search.cancel();
        assertThat(search.status().getCode()).isEqualTo(Code.CANCELLED);
        SearchClient.await(() -> sidecar.catalog.stopped.getAsBoolean());
        // The call that runs ends; no other begins.
        turns.release(1000);
        sidecar.awaitState("s", SearchState.SEARCH_STATE_CANCELLED);

        assertThat(sidecar.catalog.evaluations).hasSize(before + 1);
        Summary summary = sidecar.stored("s").getSummary();
        assertThat(summary.getStopReason()).isEqualTo(StopReason.STOP_REASON_CANCELLED);
        assertThat(summary.getBest(0).hasNoise()).isTrue();
        SearchClient.await(
                () -> sidecar.catalog.openSessions.get() == 0 && sidecar.catalog.verifiers.openJudges.get() == 0);
    }

    @Test
    void remoteVerifier_thatHangs_blocksNoOtherSearchAndCanBeCancelled() {
        sidecar.catalog.verifiers.farAnswers = false;
        SearchClient hanging =
                sidecar.search(request(4, "far").setSearchId("far").build());
        SearchClient.await(() -> sidecar.catalog.evaluations.size() >= CALLS);

        assertThat(sidecar.search(request(4, "bright").build()).summary().getStopReason())
                .isEqualTo(StopReason.STOP_REASON_BUDGET);
        hanging.cancel();
        sidecar.awaitState("far", SearchState.SEARCH_STATE_CANCELLED);
    }

    @Test
    void whatComputes_isOnTheLanesThread() {
        sidecar.search(request(3, "bright", "far").build()).summary();
        SearchClient.await(() -> sidecar.catalog.openSessions.get() == 0);
        assertThat(sidecar.catalog.threads).containsExactly("prenoise-lane-cpu");
    }

    private static OptimizeNoiseRequest.Builder request(SearchAlgorithm algorithm, int pictures, String... verifiers) {
        OptimizeNoiseRequest.Builder request = request(pictures, verifiers);
        request.getVerifierBuilder().setAlgorithm(algorithm).setSteps(8);
        return request.setOutput(
                Output.newBuilder().setNoise(Include.INCLUDE_ALL).setBest(64));
    }

    private static OptimizeNoiseRequest.Builder cascade(OptimizeNoiseRequest.Builder request) {
        VerifierSearch verify = request.getVerifier();
        return request.setCascade(Cascade.newBuilder()
                .setScreen(AttentionRanking.newBuilder().setLoss(AttentionLoss.ATTENTION_LOSS_INITNO))
                .setKeep(3)
                .setVerify(verify));
    }

    @ParameterizedTest
    @EnumSource(
            value = SearchAlgorithm.class,
            mode = EnumSource.Mode.EXCLUDE,
            names = {"SEARCH_ALGORITHM_UNSPECIFIED", "UNRECOGNIZED"})
    void everyAlgorithm_isNoWorseThanTheHostsNoiseAndKeepsItsBudget(SearchAlgorithm algorithm) {
        SearchClient search = sidecar.search(request(algorithm, 20, "bright").build());

        Summary summary = search.summary();
        assertThat(summary.getBest(0).getScore())
                .isGreaterThan(summary.getBaseline().getScore());
        assertThat(summary.getBestList()).allMatch(Candidate::hasNoise);
        assertThat(summary.getSpent().getFunctionEvaluations()).isBetween(1, 20 * 8);
        assertThat(summary.getStopReason()).isEqualTo(StopReason.STOP_REASON_BUDGET);
        assertThat(search.candidates()).extracting(Candidate::getIndex).startsWith(0, 1, 2);
    }

    @ParameterizedTest
    @CsvSource({
        "SEARCH_ALGORITHM_RANDOM, false",
        "SEARCH_ALGORITHM_ZERO_ORDER, false",
        "SEARCH_ALGORITHM_PATHS, false",
        "SEARCH_ALGORITHM_ZERO_ORDER_THEN_PATHS, false",
        "SEARCH_ALGORITHM_FIRST_ORDER, false",
        "SEARCH_ALGORITHM_RANDOM, true",
        "SEARCH_ALGORITHM_PATHS, true"
    })
    void anySearch_thatBrokeOff_goesOnToTheSameEnd(SearchAlgorithm algorithm, boolean screened) {
        OptimizeNoiseRequest.Builder request = request(algorithm, 24, "bright", "picky");
        if (algorithm == SearchAlgorithm.SEARCH_ALGORITHM_FIRST_ORDER) {
            request.getVerifierBuilder()
                    .removeVerifiers(1)
                    .addVerifiersBuilder()
                    .setName("dark");
        }
        if (screened) {
            cascade(request);
        }
        SearchClient undisturbed =
                sidecar.search(request.clone().setSearchId("u").build());
        undisturbed.summary();
        int calls = sidecar.catalog.evaluations.size();
        for (int part = 1; part < 4; part++) {
            int end = sidecar.catalog.evaluations.size() + calls / 4;
            sidecar.catalog.beforeEvaluation = prompt -> {
                if (sidecar.catalog.evaluations.size() >= end) {
                    throw new IllegalStateException("breaks off here");
                }
            };
            sidecar.search(request.clone().setSearchId("s").build()).status();
        }
        sidecar.catalog.beforeEvaluation = prompt -> {};
        SearchClient resumed = sidecar.search(request.clone().setSearchId("s").build());

        assertThat(resumed.summary().getBestList())
                .isEqualTo(undisturbed.summary().getBestList());
        assertThat(resumed.candidates()).isEqualTo(undisturbed.candidates());
        assertThat(resumed.summary().getSpent().getFunctionEvaluations())
                .isEqualTo(undisturbed.summary().getSpent().getFunctionEvaluations());
    }

    @Test
    void winnersThatNoSeedGives_comeWithTheirNoiseAndItsPicture() {
        OptimizeNoiseRequest.Builder request = request(SearchAlgorithm.SEARCH_ALGORITHM_FIRST_ORDER, 30, "bright")
                .setSearchId("s");
        request.getOutputBuilder().setPreview(Include.INCLUDE_ALL);
        Candidate best = sidecar.search(request.build()).summary().getBest(0);

        assertThat(best.getRecipe().getSteps(0).hasOptimization()).isTrue();
        assertThat(best.getPreviewPng().isEmpty()).isFalse();
        assertThat(sidecar.stored("s").getSummary().getBest(0)).isEqualTo(best);
    }

    @Test
    void cascade_screensByTheLossAndLetsTheVerifiersDecide() {
        OptimizeNoiseRequest.Builder request = cascade(request(0, "bright"));
        // progress that is out of date is left out: half of the screening waits until it was told of
        CountDownLatch told = new CountDownLatch(1);
        AtomicInteger evaluated = new AtomicInteger();
        sidecar.catalog.beforeEvaluation = prompt -> {
            if (evaluated.incrementAndGet() == 32) {
                assertThat(told.await(20, TimeUnit.SECONDS)).isTrue();
            }
        };
        SearchClient search = sidecar.search(request.build());
        SearchClient.await(() -> isScreening(search));
        told.countDown();

        Summary summary = search.summary();
        assertThat(accepted(search).getBudget().getLossEvaluations()).isEqualTo(64);
        assertThat(accepted(search).getBudget().getFunctionEvaluations()).isEqualTo(64 + 4 * CALLS);
        assertThat(search.candidates()).hasSize(4).noneMatch(Candidate::getScoreIsLoss);
        assertThat(summary.getSpent().getLossEvaluations()).isEqualTo(64);
        assertThat(summary.getSpent().getFunctionEvaluations()).isEqualTo(64 + 4 * CALLS);
        assertThat(summary.getSpent().getFraction()).isEqualTo(1);
    }

    private static boolean isScreening(SearchClient search) {
        return search.messages().stream()
                .filter(OptimizeNoiseResponse::hasProgress)
                .anyMatch(event -> event.getProgress().getStage().startsWith("screening"));
    }

    @Test
    void cascade_budgetInPictures_addsTheScreening() {
        OptimizeNoiseRequest.Builder request = cascade(request(4, "bright"));
        request.getBudgetBuilder().setLossEvaluations(10);
        SearchClient search = sidecar.search(request.build());

        search.summary();
        assertThat(accepted(search).getBudget().getFunctionEvaluations()).isEqualTo(10 + 4 * CALLS);
        assertThat(search.candidates()).hasSize(4);
        assertThat(search.summary().getSpent().getLossEvaluations()).isEqualTo(10);
    }

    @Test
    void cascade_promptWithoutASubject_isRefused() {
        assertThat(failure(cascade(request(1, "bright"))
                        .setPrompt(Prompt.newBuilder().setText("something beautiful"))))
                .hasMessage("INVALID_ARGUMENT: prompt.text: \"something beautiful\" (expected: a thing to show)");
    }

    @Test
    void algorithm_thatVerifiersOrStepsDoNotSuit_namesTheField() {
        assertThat(failure(request(SearchAlgorithm.SEARCH_ALGORITHM_FIRST_ORDER, 1, "bright", "red")))
                .hasMessage(
                        "INVALID_ARGUMENT: verifier.verifiers[1].name: \"red\" has no gradient (expected: for first-order"
                                + " search one of bright, dark)");
        OptimizeNoiseRequest.Builder paths = request(SearchAlgorithm.SEARCH_ALGORITHM_PATHS, 4, "bright");
        paths.getVerifierBuilder().setSteps(2);
        assertThat(failure(paths))
                .hasMessage("INVALID_ARGUMENT: verifier.steps: 2 (expected: at least 3 for a search over paths)");
    }
}
