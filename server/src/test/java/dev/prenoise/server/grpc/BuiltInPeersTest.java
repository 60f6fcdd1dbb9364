package dev.prenoise.server.grpc;

import static dev.prenoise.server.TestSidecar.peerAt;
import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.engine.BackboneInfo;
import dev.prenoise.engine.CatalogOptions;
import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.server.SearchClient;
import dev.prenoise.server.TestSidecar;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.server.ops.SidecarServer;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.SearchAlgorithm;
import io.grpc.ManagedChannel;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The built-in model's scores, computed here and there. */
class BuiltInPeersTest {
    @TempDir
    private Path folder;

    private ModelCatalog theirs;
    private ModelCatalog ours;
    private SidecarServer peer;
    private SidecarServer sidecar;
    private ManagedChannel channel;

    @BeforeEach
    void start() {
        theirs = Catalogs.create(CatalogOptions.of(folder.resolve("cache")));
        ours = Catalogs.create(CatalogOptions.of(folder.resolve("cache")));
        peer = new SidecarServer(SidecarConfig.DEFAULT.withPort(0), theirs);
        int port = peer.start();
        sidecar = new SidecarServer(SidecarConfig.DEFAULT.withPort(0).withPeers(List.of(peerAt(port))), ours);
        channel = TestSidecar.connect(sidecar.start());
    }

    @AfterEach
    void stop() {
        channel.shutdownNow();
        sidecar.close();
        peer.close();
        ours.close();
        theirs.close();
    }

    private SearchClient search(OptimizeNoiseRequest.Builder request) {
        request.setSeed(7).getPromptBuilder().setText("a red circle and a blue square");
        return SearchClient.start(channel, request.build());
    }

    /** Whoever computes a score, it has the same bits. */
    @Test
    void scores_withAPeer_areToTheBitThoseWithout() {
        OptimizeNoiseRequest.Builder loss = OptimizeNoiseRequest.newBuilder();
        loss.getAttentionBuilder().setLoss(AttentionLoss.ATTENTION_LOSS_CONFORM);
        loss.getBudgetBuilder().setLossEvaluations(96);
        OptimizeNoiseRequest.Builder pictures = OptimizeNoiseRequest.newBuilder();
        pictures.getVerifierBuilder()
                .setAlgorithm(SearchAlgorithm.SEARCH_ALGORITHM_RANDOM)
                .setSteps(4)
                .addVerifiersBuilder()
                .setName("shapes-clip");
        pictures.getBudgetBuilder().setPictures(16);
        SearchClient shared = search(loss);
        assertThat(shared.summary().getSpent().getLossEvaluations()).isEqualTo(96);
        SearchClient sharedPictures = search(pictures);
        assertThat(sharedPictures.summary().getBestCount()).isOne();
        assertThat(sharedPictures.candidates()).hasSize(16);
        assertThat(sharedPictures.messages().get(0).getAccepted().getWarningsList())
                .isEmpty();
        assertThat(theirs.list()).as("the peer has loaded it").anyMatch(BackboneInfo::loaded);

        peer.close();
        SearchClient alone = search(loss);
        assertThat(alone.summary().getBestList()).isEqualTo(shared.summary().getBestList());
        assertThat(alone.candidates()).isEqualTo(shared.candidates());
        SearchClient alonePictures = search(pictures);
        assertThat(alonePictures.summary().getBestList())
                .isEqualTo(sharedPictures.summary().getBestList());
        assertThat(alonePictures.candidates()).isEqualTo(sharedPictures.candidates());
    }
}
