package dev.prenoise.server.ops;

import static dev.prenoise.server.TestSidecar.peerAt;
import static dev.prenoise.server.TestSidecar.request;
import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.server.SearchClient;
import dev.prenoise.server.TestSidecar;
import dev.prenoise.v1.Include;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.Output;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A search whose peers are processes of their own. */
class PeerKilledTest {
    private static final int CANDIDATES = 600;

    /** Of the sidecar that the search runs on: so that its peers have most of the candidates. */
    private static final long SLOW_MILLIS = 100;

    @TempDir
    Path folder;

    @Test
    void search_peerKilledInMidSearch_endsAsAlone() throws Exception {
        OptimizeNoiseRequest request = request(CANDIDATES)
                .setOutput(Output.newBuilder().setNoise(Include.INCLUDE_ALL).setBest(64))
                .build();
        try (SidecarProcess first = SidecarProcess.start(folder.resolve("first"), 5, Duration.ZERO);
                SidecarProcess second = SidecarProcess.start(folder.resolve("second"), 5, Duration.ZERO);
                TestSidecar sidecar = TestSidecar.onLoopback(
                        SidecarConfig.DEFAULT.withPeers(List.of(peerAt(first.port()), peerAt(second.port()))));
                TestSidecar alone = TestSidecar.onLoopback(SidecarConfig.DEFAULT)) {
            sidecar.catalog.beforeEvaluation = prompt -> Thread.sleep(SLOW_MILLIS);
            SearchClient search = sidecar.search(request);
            search.awaitCandidates(CANDIDATES / 4);
            first.kill();
            SearchClient expected = alone.search(request);
            assertThat(search.summary().getBestList())
                    .isEqualTo(expected.summary().getBestList());
            assertThat(search.candidates()).isEqualTo(expected.candidates());
            assertThat(search.summary().getSpent().getLossEvaluations()).isEqualTo(CANDIDATES);
            assertThat(search.summary().getWarningsList())
                    .anyMatch(line -> line.startsWith("peer 127.0.0.1:" + first.port() + " was lost: UNAVAILABLE"));
            assertThat(sidecar.catalog.evaluations).hasSizeLessThan(CANDIDATES / 2);
        }
    }
}
