package dev.prenoise.server.ops;

import static dev.prenoise.server.SearchClient.await;
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

    /** Of a peer, so that much is left to do when one is killed. */
    private static final int EVALUATION_MILLIS = 10;

    /** What a peer has begun and may not have brought. */
    private static final int ON_THE_WAY = 4;

    /** The sidecar that the search runs on waits so long at most, so that there is an end where nothing is left for peers. */
    private static final Duration PATIENCE = Duration.ofMillis(250);

    /** Has two candidates done by peers for each that the sidecar does itself, however fast each is, and the first peer do some. */
    private static void hold(TestSidecar sidecar, SidecarProcess first, SidecarProcess second) {
        sidecar.catalog.beforeEvaluation = prompt -> {
            long end = System.nanoTime() + PATIENCE.toNanos();
            int own = sidecar.catalog.evaluations.size();
            while ((first.evaluations() == 0 || first.evaluations() + second.evaluations() <= 2 * own + ON_THE_WAY)
                    && System.nanoTime() - end < 0) {
                Thread.sleep(1);
            }
        };
    }

    @TempDir
    Path folder;

    @Test
    void search_peerKilledInMidSearch_endsAsAlone() throws Exception {
        OptimizeNoiseRequest request = request(CANDIDATES)
                .setOutput(Output.newBuilder().setNoise(Include.INCLUDE_ALL).setBest(64))
                .build();
        try (SidecarProcess first = SidecarProcess.start(folder.resolve("first"), EVALUATION_MILLIS, Duration.ZERO);
                SidecarProcess second =
                        SidecarProcess.start(folder.resolve("second"), EVALUATION_MILLIS, Duration.ZERO);
                TestSidecar sidecar = TestSidecar.onLoopback(
                        SidecarConfig.DEFAULT.withPeers(List.of(peerAt(first.port()), peerAt(second.port()))));
                TestSidecar alone = TestSidecar.onLoopback(SidecarConfig.DEFAULT)) {
            hold(sidecar, first, second);
            SearchClient search = sidecar.search(request);
            await(() -> first.evaluations() > 0 && search.candidates().size() >= CANDIDATES / 4);
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
