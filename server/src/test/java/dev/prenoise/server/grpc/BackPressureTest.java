package dev.prenoise.server.grpc;

import static dev.prenoise.server.TestSidecar.request;
import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.server.SearchClient;
import dev.prenoise.server.TestSidecar;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.v1.Candidate;
import dev.prenoise.v1.Include;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.OptimizeNoiseResponse;
import dev.prenoise.v1.Output;
import dev.prenoise.v1.SearchState;
import io.grpc.CallOptions;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Callers that do not read. Each candidate carries 64 kB of noise, so that the connection's own buffers are soon full. */
class BackPressureTest {
    private static final int CANDIDATES = 200;

    private final TestSidecar sidecar = TestSidecar.onLoopback(SidecarConfig.DEFAULT);

    @AfterEach
    void close() {
        sidecar.close();
    }

    private static OptimizeNoiseRequest large(String id) {
        return request(CANDIDATES)
                .setSearchId(id)
                .setWidth(512)
                .setHeight(512)
                .setOutput(Output.newBuilder().setNoise(Include.INCLUDE_ALL))
                .build();
    }

    private void awaitDone(String id) {
        sidecar.awaitState(id, SearchState.SEARCH_STATE_DONE);
    }

    @Test
    void reader_thatPauses_missesNoCandidateAndOldProgress() {
        SearchClient search = SearchClient.start(sidecar.channel, large("s"), CallOptions.DEFAULT, 2);
        search.awaitCandidates(1);
        awaitDone("s");
        assertThat(search.messages()).hasSize(2);

        search.read(Integer.MAX_VALUE);
        search.summary();
        assertThat(search.candidates())
                .extracting(Candidate::getIndex)
                .isEqualTo(IntStream.range(0, CANDIDATES).boxed().toList());
        assertThat(search.messages().stream().filter(OptimizeNoiseResponse::hasProgress))
                .as("of the progress made meanwhile only the latest is sent")
                .hasSizeLessThan(CANDIDATES / 2);
    }

    @Test
    void reader_thatNeverReads_blocksNobody() {
        SearchClient deaf = SearchClient.start(sidecar.channel, large("deaf"), CallOptions.DEFAULT, 0);
        var connection =
                TestSidecar.connect(Integer.parseInt(sidecar.channel.authority().replaceFirst(".*:", "")));
        try {
            SearchClient other = SearchClient.start(connection, large("other"), CallOptions.DEFAULT, Integer.MAX_VALUE);
            assertThat(other.summary().getSpent().getLossEvaluations()).isEqualTo(CANDIDATES);
            awaitDone("deaf");
            assertThat(deaf.messages()).isEmpty();
        } finally {
            connection.shutdownNow();
        }
    }
}
