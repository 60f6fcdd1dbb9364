package dev.prenoise.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.engine.CatalogOptions;
import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.server.SearchClient;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.server.ops.SidecarServer;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.Candidate;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.SearchAlgorithm;
import dev.prenoise.v1.Summary;
import dev.prenoise.v1.VerifierSearch;
import io.grpc.ManagedChannel;
import io.grpc.Status.Code;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Searches on the built-in model, its pictures judged by the oracle. */
class BuiltInVerifierSearchTest {
    @TempDir
    private Path folder;

    private ModelCatalog catalog;
    private SidecarServer server;
    private ManagedChannel channel;

    @BeforeEach
    void start() {
        catalog = Catalogs.create(CatalogOptions.of(folder.resolve("cache")));
        server = new SidecarServer(SidecarConfig.DEFAULT.withDataDir(folder.resolve("data")), catalog);
        channel = server.startInProcess();
    }

    @AfterEach
    void stop() {
        channel.shutdownNow();
        server.close();
        catalog.close();
    }

    private static OptimizeNoiseRequest.Builder request(SearchAlgorithm algorithm, int pictures) {
        VerifierSearch.Builder search =
                VerifierSearch.newBuilder().setAlgorithm(algorithm).setSteps(4);
        search.addVerifiersBuilder().setName("oracle");
        OptimizeNoiseRequest.Builder request =
                OptimizeNoiseRequest.newBuilder().setSearchId("s").setSeed(123).setVerifier(search);
        request.getPromptBuilder().setText("a red circle and a blue square");
        request.getBudgetBuilder().setPictures(pictures);
        return request;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "SEARCH_ALGORITHM_RANDOM",
                "SEARCH_ALGORITHM_ZERO_ORDER",
                "SEARCH_ALGORITHM_PATHS",
                "SEARCH_ALGORITHM_ZERO_ORDER_THEN_PATHS"
            })
    void search_byTheOracle_keepsItsBudgetAndIsNoWorse(SearchAlgorithm algorithm) {
        Summary summary =
                SearchClient.start(channel, request(algorithm, 10).build()).summary();

        Candidate best = summary.getBest(0);
        assertThat(best.getScoreIsLoss()).isFalse();
        assertThat(best.getScore()).isBetween(summary.getBaseline().getScore(), 1.0);
        assertThat(best.getTermsMap()).containsOnlyKeys("oracle");
        assertThat(best.hasNoise()).isTrue();
        assertThat(summary.getSpent().getFunctionEvaluations()).isBetween(4, 40);
    }

    @Test
    void cascade_screensByAttentionAndLetsTheOracleDecide() {
        OptimizeNoiseRequest.Builder request = request(SearchAlgorithm.SEARCH_ALGORITHM_RANDOM, 0);
        VerifierSearch verify = request.getVerifier();
        request.getCascadeBuilder().setKeep(2).setVerify(verify);
        request.getCascadeBuilder().getScreenBuilder().setLoss(AttentionLoss.ATTENTION_LOSS_INITNO);
        request.getBudgetBuilder().setLossEvaluations(8);
        SearchClient search = SearchClient.start(channel, request.build());

        assertThat(search.summary().getSpent().getFunctionEvaluations()).isEqualTo(8 + 3 * 4);
        assertThat(search.candidates()).hasSize(3);
    }

    @Test
    void firstOrder_byTheOracle_isRefusedAsItHasNoGradient() {
        SearchClient search = SearchClient.start(
                channel,
                request(SearchAlgorithm.SEARCH_ALGORITHM_FIRST_ORDER, 2).build());

        assertThat(search.failure().getStatus().getCode()).isEqualTo(Code.INVALID_ARGUMENT);
        assertThat(search.failure()).hasMessageContaining("verifier.verifiers[0].name: \"oracle\" has no gradient");
    }
}
