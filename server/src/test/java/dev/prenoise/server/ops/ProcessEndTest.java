package dev.prenoise.server.ops;

import static dev.prenoise.server.TestSidecar.request;
import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.server.SearchClient;
import dev.prenoise.server.TestSidecar;
import dev.prenoise.v1.Include;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.Output;
import dev.prenoise.v1.SearchAlgorithm;
import dev.prenoise.v1.SearchState;
import dev.prenoise.v1.Summary;
import dev.prenoise.v1.Verifier;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is left of a search when its process ends, in processes of their own. */
class ProcessEndTest {
    private static final OptimizeNoiseRequest REQUEST = request(24)
            .setSearchId("s")
            .setOutput(Output.newBuilder().setNoise(Include.INCLUDE_ALL).setBest(24))
            .build();

    @TempDir
    Path folder;

    @Test
    void killedInMidSearch_theSameRequestGoesOnToTheSameEnd() throws Exception {
        assertGoesOnToTheSameEnd(REQUEST, 9);
    }

    /** Optimised noise cannot be made again from numbers: it comes back from the store. */
    @Test
    void killedInMidOptimisation_theSameRequestGoesOnToTheSameEnd() throws Exception {
        OptimizeNoiseRequest.Builder request = REQUEST.toBuilder();
        request.getAttentionBuilder().setOptimize(true);
        request.getBudgetBuilder().setLossEvaluations(60);
        assertGoesOnToTheSameEnd(request.build(), 3);
    }

    /** An ensemble's scores depend on who else was scored, and a path's noise is in the store alone. */
    @ParameterizedTest
    @EnumSource(
            value = SearchAlgorithm.class,
            names = {"SEARCH_ALGORITHM_ZERO_ORDER", "SEARCH_ALGORITHM_ZERO_ORDER_THEN_PATHS"})
    void killedInMidVerifierSearch_theSameRequestGoesOnToTheSameEnd(SearchAlgorithm algorithm) throws Exception {
        OptimizeNoiseRequest.Builder request = REQUEST.toBuilder().clearBudget();
        request.getVerifierBuilder()
                .setAlgorithm(algorithm)
                .addVerifiers(Verifier.newBuilder().setName("bright"))
                .addVerifiers(Verifier.newBuilder().setName("dark"));
        request.getBudgetBuilder().setPictures(24);
        killAfter(request.build(), 50, 5);
        try (TestSidecar again = TestSidecar.onLoopback(SidecarConfig.DEFAULT.withDataDir(folder));
                TestSidecar undisturbed = TestSidecar.onLoopback(SidecarConfig.DEFAULT)) {
            assertThat(again.stored("s").getState()).isEqualTo(SearchState.SEARCH_STATE_INTERRUPTED);
            SearchClient resumed = again.search(request.build());
            SearchClient whole = undisturbed.search(request.build());
            assertThat(resumed.summary().getBestList())
                    .isEqualTo(whole.summary().getBestList());
            assertThat(resumed.summary().getSpent().getFunctionEvaluations())
                    .isEqualTo(whole.summary().getSpent().getFunctionEvaluations());
            assertThat(resumed.candidates()).isEqualTo(whole.candidates());
        }
    }

    private void killAfter(OptimizeNoiseRequest request, int evaluationMillis, int candidates) throws Exception {
        try (SidecarProcess sidecar = SidecarProcess.start(folder, evaluationMillis, Duration.ofSeconds(20))) {
            ManagedChannel channel = TestSidecar.connect(sidecar.port());
            SearchClient search = SearchClient.start(channel, request);
            search.awaitCandidates(candidates);
            sidecar.kill();
            assertThat(search.status().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
            channel.shutdownNow();
        }
    }

    private void assertGoesOnToTheSameEnd(OptimizeNoiseRequest request, int candidates) throws Exception {
        killAfter(request, 200, candidates);
        try (TestSidecar again = TestSidecar.onLoopback(SidecarConfig.DEFAULT.withDataDir(folder));
                TestSidecar undisturbed = TestSidecar.onLoopback(SidecarConfig.DEFAULT)) {
            assertThat(again.stored("s").getState()).isEqualTo(SearchState.SEARCH_STATE_INTERRUPTED);
            assertThat(again.stored("s").getSummary().getBest(0).hasNoise()).isTrue();
            SearchClient resumed = again.search(request);
            SearchClient whole = undisturbed.search(request);

            Summary summary = resumed.summary();
            assertThat(summary.getBestList()).isEqualTo(whole.summary().getBestList());
            assertThat(summary.getBaseline()).isEqualTo(whole.summary().getBaseline());
            assertThat(summary.getStopReason()).isEqualTo(whole.summary().getStopReason());
            assertThat(summary.getSpent().getLossEvaluations())
                    .isEqualTo(whole.summary().getSpent().getLossEvaluations());
            assertThat(resumed.candidates()).isEqualTo(whole.candidates());
            assertThat(again.catalog.evaluations)
                    .as("what the killed process had streamed is not evaluated again")
                    .hasSizeLessThanOrEqualTo(undisturbed.catalog.evaluations.size() - candidates);
        }
    }

    @Test
    void goingOn_onASidecarWithOtherDefaults_staysOnTheBackboneItBeganOn() {
        OptimizeNoiseRequest request = REQUEST.toBuilder().clearBudget().build();
        SidecarConfig config = SidecarConfig.DEFAULT.withDataDir(folder).withGrace(Duration.ZERO);
        try (TestSidecar sidecar = TestSidecar.onLoopback(config)) {
            sidecar.catalog.beforeEvaluation = prompt -> Thread.sleep(5);
            sidecar.search(request).awaitCandidates(2);
        }
        try (TestSidecar again = TestSidecar.onLoopback(config)) {
            again.catalog.defaultId = "other";
            SearchClient search = again.search(request);
            search.summary();
            assertThat(search.messages().get(0).getAccepted().getBackbone()).isEqualTo("fake");
            assertThat(again.catalog.opened).containsExactly("fake");
        }
    }

    @Test
    void sigterm_withinTheGraceTime_endsTheSearch() throws Exception {
        try (SidecarProcess sidecar = SidecarProcess.start(folder, 200, Duration.ofSeconds(30))) {
            ManagedChannel channel = TestSidecar.connect(sidecar.port());
            SearchClient search = SearchClient.start(channel, REQUEST);
            search.awaitCandidates(3);
            sidecar.terminate();
            assertThat(search.summary().getSpent().getLossEvaluations()).isEqualTo(24);
            channel.shutdownNow();
        }
    }

    @Test
    void sigterm_pastTheGraceTime_storesTheSearch() throws Exception {
        try (SidecarProcess sidecar = SidecarProcess.start(folder, 200, Duration.ZERO)) {
            ManagedChannel channel = TestSidecar.connect(sidecar.port());
            SearchClient search = SearchClient.start(channel, REQUEST);
            search.awaitCandidates(3);
            sidecar.terminate();
            assertThat(search.failure()).hasMessageContaining("search_id \"s\"");
            channel.shutdownNow();
        }
        try (TestSidecar again = TestSidecar.onLoopback(SidecarConfig.DEFAULT.withDataDir(folder))) {
            assertThat(again.stored("s").getState()).isEqualTo(SearchState.SEARCH_STATE_INTERRUPTED);
            assertThat(again.search(REQUEST).summary().getSpent().getLossEvaluations())
                    .isEqualTo(24);
        }
    }
}
