package dev.prenoise.server.grpc;

import static dev.prenoise.server.TestSidecar.request;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Duration;
import com.google.rpc.RetryInfo;
import dev.prenoise.server.SearchClient;
import dev.prenoise.server.TestSidecar;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.v1.Candidate;
import dev.prenoise.v1.GetSearchResponse;
import dev.prenoise.v1.Include;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.Output;
import dev.prenoise.v1.Prompt;
import dev.prenoise.v1.SearchState;
import dev.prenoise.v1.StopReason;
import dev.prenoise.v1.Summary;
import io.grpc.CallOptions;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Searches that are shared, stopped, resumed, and kept waiting. Evaluations run when the test lets them. */
class SearchLifeTest {
    private final TestSidecar sidecar =
            TestSidecar.onLoopback(SidecarConfig.DEFAULT.withLimits(TestLimits.searches(3)));
    private final Semaphore turns = new Semaphore(0);

    @AfterEach
    void close() {
        turns.release(1_000_000);
        sidecar.close();
    }

    private void hold() {
        sidecar.catalog.beforeEvaluation = prompt -> turns.acquire();
    }

    private int evaluations() {
        return sidecar.catalog.evaluations.size();
    }

    @Test
    void cancel_stopsTheSearchAndKeepsWhatWasFound() {
        hold();
        SearchClient search = sidecar.search(request(1000).setSearchId("s").build());
        turns.release(3);
        search.awaitCandidates(3);
        search.cancel();
        awaitCancelled("s");

        Summary summary = sidecar.stored("s").getSummary();
        assertThat(summary.getStopReason()).isEqualTo(StopReason.STOP_REASON_CANCELLED);
        assertThat(summary.getBest(0).hasNoise()).isTrue();
        assertThat(summary.getSpent().getLossEvaluations()).isBetween(3, 999);
        SearchClient.await(() -> sidecar.catalog.openSessions.get() == 0);
    }

    /** Lets one evaluation after the other run until the search has noticed. */
    private void awaitCancelled(String id) {
        SearchClient.await(() -> {
            turns.release();
            return sidecar.state(id) == SearchState.SEARCH_STATE_CANCELLED;
        });
        assertThat(evaluations()).isLessThan(1000);
    }

    @Test
    void deadline_stopsTheSearch() {
        hold();
        SearchClient search = SearchClient.start(
                sidecar.channel,
                request(1000).setSearchId("s").build(),
                CallOptions.DEFAULT.withDeadlineAfter(300, TimeUnit.MILLISECONDS),
                Integer.MAX_VALUE);

        assertThat(search.status().getCode()).isEqualTo(Code.DEADLINE_EXCEEDED);
        awaitCancelled("s");
    }

    @Test
    void clientDeath_stopsTheSearch() {
        hold();
        var connection = TestSidecar.connect(port());
        SearchClient search = SearchClient.start(
                connection, request(1000).setSearchId("s").build(), CallOptions.DEFAULT, Integer.MAX_VALUE);
        turns.release(2);
        search.awaitCandidates(2);
        connection.shutdownNow();

        awaitCancelled("s");
    }

    private int port() {
        String authority = sidecar.channel.authority();
        return Integer.parseInt(authority.substring(authority.indexOf(':') + 1));
    }

    @Test
    void attach_toARunningSearch_replaysFromCandidate0() {
        hold();
        OptimizeNoiseRequest request = request(6).setSearchId("s").build();
        SearchClient first = sidecar.search(request);
        turns.release(4);
        first.awaitCandidates(4);
        SearchClient second = sidecar.search(request);
        second.awaitCandidates(4);
        turns.release(2);

        assertThat(second.summary()).isEqualTo(first.summary());
        assertThat(second.candidates()).isEqualTo(first.candidates());
        assertThat(evaluations()).isEqualTo(6);
    }

    @Test
    void cancel_whileAnotherListens_goesOn() {
        hold();
        OptimizeNoiseRequest request = request(6).setSearchId("s").build();
        SearchClient first = sidecar.search(request);
        turns.release(2);
        first.awaitCandidates(2);
        SearchClient second = sidecar.search(request);
        second.awaitCandidates(2);
        first.cancel();
        assertThat(first.status().getCode()).isEqualTo(Code.CANCELLED);
        turns.release(4);

        assertThat(second.summary().getStopReason()).isEqualTo(StopReason.STOP_REASON_BUDGET);
    }

    @Test
    void attach_toADoneSearch_replaysWithoutEvaluating() {
        OptimizeNoiseRequest request = request(6).setSearchId("s").build();
        SearchClient first = sidecar.search(request);
        Summary summary = first.summary();
        SearchClient again = sidecar.search(request);

        assertThat(again.summary()).isEqualTo(summary);
        assertThat(again.candidates()).isEqualTo(first.candidates());
        assertThat(evaluations()).isEqualTo(6);
    }

    @Test
    void attach_afterModelAndLoraWereMoved_replaysWhatIsDoneOrRuns() {
        OptimizeNoiseRequest.Builder request = request(2).setSearchId("done").setBackbone("other");
        request.addLoraBuilder().setName("ink");
        SearchClient first = sidecar.search(request.build());
        Summary summary = first.summary();
        hold();
        OptimizeNoiseRequest running = request.clone().setSearchId("runs").build();
        SearchClient started = sidecar.search(running);
        awaitAttached("runs");
        sidecar.catalog.moved = true;
        SearchClient again = sidecar.search(request.build());
        assertThat(again.summary()).isEqualTo(summary);
        assertThat(again.candidates()).isEqualTo(first.candidates());
        SearchClient second = sidecar.search(running);
        awaitAttached("runs");
        turns.release(2);
        assertThat(second.summary()).isEqualTo(started.summary());

        assertThat(sidecar.search(request.clone().setSeed(8).build()).status().getCode())
                .isEqualTo(Code.ALREADY_EXISTS);
        assertThat(sidecar.search(request.clone().setSearchId("new").build())
                        .status()
                        .getCode())
                .isEqualTo(Code.NOT_FOUND);
        request.getOutputBuilder().setPreview(Include.INCLUDE_ALL);
        assertThat(sidecar.search(request.build()).status().getCode())
                .as("its pictures would have to be drawn")
                .isEqualTo(Code.NOT_FOUND);
    }

    @Test
    void attach_withAnotherOutput_isTheSameSearch() {
        SearchClient first = sidecar.search(request(6).setSearchId("s").build());
        first.summary();
        SearchClient again = sidecar.search(request(6)
                .setSearchId("s")
                .setOutput(Output.newBuilder().setBest(6).setNoise(Include.INCLUDE_ALL))
                .build());

        assertThat(again.summary().getBestCount()).isEqualTo(6);
        assertThat(again.candidates()).allMatch(Candidate::hasNoise);
        assertThat(evaluations()).isEqualTo(6);
    }

    @Test
    void attach_toADoneSearchThatLacksPreviews_drawsThemWithoutEvaluating() {
        OptimizeNoiseRequest.Builder request = request(6).setSearchId("s");
        Summary plain = sidecar.search(request.build()).summary();
        request.setOutput(Output.newBuilder().setPreview(Include.INCLUDE_ALL).setAttention(true));
        SearchClient again = sidecar.search(request.build());

        Summary drawn = again.summary();
        assertThat(again.candidates())
                .hasSize(6)
                .noneMatch(candidate -> candidate.getPreviewPng().isEmpty());
        assertThat(drawn.getBest(0).getAttentionCount()).isEqualTo(2);
        assertThat(drawn.getBest(0).getNoise()).isEqualTo(plain.getBest(0).getNoise());
        assertThat(drawn.getSpent().getLossEvaluations()).isEqualTo(6);
        assertThat(evaluations()).isEqualTo(6);
        sidecar.search(request.build()).summary();
        assertThat(sidecar.catalog.drawn).hasValue(6);
    }

    @Test
    void attach_withAnotherRequest_isAlreadyExists() {
        hold();
        SearchClient running = sidecar.search(request(2).setSearchId("s").build());
        OptimizeNoiseRequest other = request(2).setSearchId("s").setSeed(8).build();
        awaitAttached("s");

        assertThat(sidecar.search(other).failure())
                .hasMessageStartingWith("ALREADY_EXISTS: search_id: \"s\" is a search with another request");
        turns.release(2);
        running.summary();
        assertThat(sidecar.search(other).status().getCode()).isEqualTo(Code.ALREADY_EXISTS);
    }

    @Test
    void attach_toACancelledSearch_goesOnFromThere() {
        hold();
        OptimizeNoiseRequest request = request(8).setSearchId("s").build();
        SearchClient first = sidecar.search(request);
        turns.release(3);
        first.awaitCandidates(3);
        first.cancel();
        assertThat(first.status().getCode()).isEqualTo(Code.CANCELLED);
        // The cancelled run is still in its last evaluation.
        SearchClient again = sidecar.search(request);
        turns.release(1000);

        Summary summary = again.summary();
        SearchClient undisturbed = sidecar.search(request(8).setSearchId("u").build());
        assertThat(summary.getBestList()).isEqualTo(undisturbed.summary().getBestList());
        assertThat(again.candidates()).isEqualTo(undisturbed.candidates());
        assertThat(evaluations()).isEqualTo(8 + 8);
        assertThat(summary.getSpent().getLossEvaluations()).isEqualTo(8);
    }

    @Test
    void searches_shareTheLane() {
        sidecar.catalog.beforeEvaluation = prompt -> {
            turns.acquire();
            Thread.sleep(3);
        };
        SearchClient a = sidecar.search(request(20)
                .setSearchId("a")
                .setPrompt(Prompt.newBuilder().setText("a cat"))
                .build());
        awaitAttached("a");
        SearchClient b = sidecar.search(request(20)
                .setSearchId("b")
                .setPrompt(Prompt.newBuilder().setText("a frog"))
                .build());
        awaitAttached("b");
        turns.release(1000);
        a.summary();
        b.summary();

        List<String> order = sidecar.catalog.evaluations;
        assertThat(order.subList(0, order.lastIndexOf("a cat")))
                .filteredOn("a frog"::equals)
                .hasSizeGreaterThan(9);
        assertThat(order.subList(0, order.lastIndexOf("a frog")))
                .filteredOn("a cat"::equals)
                .hasSizeGreaterThan(9);
    }

    private void awaitAttached(String id) {
        sidecar.awaitState(id, SearchState.SEARCH_STATE_RUNNING);
    }

    @Test
    void searches_tooMany_areRefusedWithARetryDelay() throws Exception {
        hold();
        List<SearchClient> running = List.of(
                sidecar.search(request(2).setSearchId("a").build()),
                sidecar.search(request(2).setSearchId("b").build()),
                sidecar.search(request(2).setSearchId("c").build()));
        List.of("a", "b", "c").forEach(this::awaitAttached);

        StatusRuntimeException refused =
                sidecar.search(request(2).setSearchId("d").build()).failure();
        assertThat(refused.getStatus().getCode()).isEqualTo(Code.RESOURCE_EXHAUSTED);
        RetryInfo retry = StatusProto.fromThrowable(refused).getDetails(0).unpack(RetryInfo.class);
        assertThat(retry.getRetryDelay().getSeconds()).isBetween(1L, 60L);

        SearchClient attached = sidecar.search(request(2).setSearchId("a").build());
        turns.release(6);
        running.forEach(SearchClient::summary);
        attached.summary();
    }

    @Test
    void getSearch_whileItRuns_isTheBestSoFar() {
        hold();
        OptimizeNoiseRequest request = request(10).setSearchId("s").build();
        SearchClient search = sidecar.search(request);
        turns.release(4);
        search.awaitCandidates(4);

        GetSearchResponse stored = sidecar.stored("s");
        assertThat(stored.getRequest()).isEqualTo(request);
        assertThat(stored.getState()).isEqualTo(SearchState.SEARCH_STATE_RUNNING);
        assertThat(stored.getSummary().getBest(0).getScore())
                .isEqualTo(search.candidates().stream()
                        .mapToDouble(Candidate::getScore)
                        .min()
                        .getAsDouble());
        assertThat(stored.getSummary().getSpent().getFraction()).isEqualTo(0.4);
    }

    @Test
    void getSearch_beforeTheModelIsOpen_isRunningWithItsRequest() {
        hold();
        SearchClient first = sidecar.search(request(2).setSearchId("first").build());
        // The lane is taken: the second cannot open its model.
        SearchClient.await(turns::hasQueuedThreads);
        OptimizeNoiseRequest request = request(2).setSearchId("second").build();
        SearchClient second = sidecar.search(request);
        awaitAttached("second");

        assertThat(sidecar.stored("second").getRequest()).isEqualTo(request);
        assertThat(sidecar.stored("second").hasSummary()).isFalse();
        turns.release(4);
        first.summary();
        second.summary();
    }

    @Test
    void wallTime_endsTheSearch() {
        sidecar.catalog.beforeEvaluation = prompt -> Thread.sleep(5);
        OptimizeNoiseRequest.Builder request = request(0);
        request.getBudgetBuilder().setWallTime(Duration.newBuilder().setNanos(100_000_000));
        Summary summary = sidecar.search(request.build()).summary();

        assertThat(summary.getStopReason()).isEqualTo(StopReason.STOP_REASON_BUDGET);
        assertThat(summary.getSpent().getFraction()).isEqualTo(1);
        assertThat(evaluations()).isBetween(1, 20);
    }

    @Test
    void getSearch_ofNone_isNotFound() {
        assertThat(org.assertj.core.api.Assertions.catchThrowable(() -> sidecar.stored("none")))
                .hasMessage("NOT_FOUND: search_id: \"none\" (expected: the id of a stored search)");
    }
}
