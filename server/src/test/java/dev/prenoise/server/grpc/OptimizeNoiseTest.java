package dev.prenoise.server.grpc;

import static dev.prenoise.server.TestSidecar.request;
import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.server.FakeCatalog;
import dev.prenoise.server.SearchClient;
import dev.prenoise.server.TestSidecar;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.Candidate;
import dev.prenoise.v1.Include;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.OptimizeNoiseResponse;
import dev.prenoise.v1.OptimizeNoiseResponse.EventCase;
import dev.prenoise.v1.Output;
import dev.prenoise.v1.Progress;
import dev.prenoise.v1.SampleNoiseRequest;
import dev.prenoise.v1.StopReason;
import dev.prenoise.v1.Summary;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a caller sees of a search that goes well. */
class OptimizeNoiseTest {
    private final TestSidecar sidecar = TestSidecar.inProcess(SidecarConfig.DEFAULT);

    @AfterEach
    void close() {
        sidecar.close();
    }

    @Test
    void stream_order_isAcceptedThenCandidatesThenSummary() {
        SearchClient search = sidecar.search(request(8).build());

        Summary summary = search.summary();
        List<EventCase> events = search.events();
        assertThat(events.get(0)).isEqualTo(EventCase.ACCEPTED);
        assertThat(events.get(events.size() - 1)).isEqualTo(EventCase.SUMMARY);
        assertThat(events.subList(1, events.size() - 1)).containsOnly(EventCase.CANDIDATE, EventCase.PROGRESS);
        assertThat(search.candidates())
                .extracting(Candidate::getIndex)
                .isEqualTo(IntStream.range(0, 8).boxed().toList());
        assertThat(summary.getStopReason()).isEqualTo(StopReason.STOP_REASON_BUDGET);
        assertThat(summary.getSpent().getLossEvaluations()).isEqualTo(8);
        assertThat(summary.getSpent().getFraction()).isEqualTo(1);
    }

    @Test
    void summary_best_isTheLowestScoreAndItsNoise() {
        SearchClient search = sidecar.search(
                request(8).setOutput(Output.newBuilder().setBest(3)).build());

        Summary summary = search.summary();
        List<Integer> expected = search.candidates().stream()
                .sorted(Comparator.comparingDouble(Candidate::getScore))
                .limit(3)
                .map(Candidate::getIndex)
                .toList();
        assertThat(summary.getBestList()).extracting(Candidate::getIndex).isEqualTo(expected);
        assertThat(summary.getBaseline().getIndex()).isZero();
        Candidate best = summary.getBest(0);
        assertThat(best.getScoreIsLoss()).isTrue();
        assertThat(best.getTermsMap()).containsOnlyKeys("cross", "self");
        assertThat(best.getNoise())
                .isEqualTo(sidecar.client()
                        .sampleNoise(SampleNoiseRequest.newBuilder()
                                .addRecipes(best.getRecipe())
                                .build())
                        .getNoise(0));
    }

    @Test
    void candidate0_isTheSeedsOwnNoise() {
        Candidate first = sidecar.search(request(1)
                        .setSeed(-1)
                        .setOutput(Output.newBuilder().setNoise(Include.INCLUDE_ALL))
                        .build())
                .summary()
                .getBaseline();

        assertThat(first.getRecipe().getSeed()).isEqualTo(-1);
        assertThat(Tensors.floats(first.getNoise()))
                .isEqualTo(NoiseGenerator.generate(NoiseSource.TORCH_CPU, -1, new long[] {1, 4, 8, 8})
                        .data());
    }

    @Test
    void accepted_saysWhatTheRequestBecame() {
        SearchClient search =
                sidecar.search(request(0).setWidth(64).setHeight(32).build());

        search.summary();
        var accepted = search.messages().get(0).getAccepted();
        assertThat(accepted.getSearchId()).isNotEmpty();
        assertThat(accepted.getBackbone()).isEqualTo(FakeCatalog.ID);
        assertThat(accepted.getNoiseShapeList()).containsExactly(1L, 4L, 4L, 8L);
        assertThat(accepted.getSubjectsList())
                .extracting(subject -> subject.getText() + subject.getTokenIndicesList())
                .containsExactly("cat[2]", "frog[5]");
        assertThat(accepted.getBudget().getLossEvaluations()).isEqualTo(16);
    }

    @Test
    void noise_sentByTheCaller_isCandidate0AndGivesTheSize() {
        Noise own = NoiseGenerator.generate(NoiseSource.NV_PHILOX, 99, new long[] {1, 4, 4, 12});
        SearchClient search = sidecar.search(request(3)
                .setNoise(Tensors.of(own))
                .setOutput(Output.newBuilder().setNoise(Include.INCLUDE_ALL))
                .build());

        Summary summary = search.summary();
        assertThat(summary.getBaseline().getNoise()).isEqualTo(Tensors.of(own));
        assertThat(summary.getBaseline().getRecipe().getBaseSha256()).isEqualTo(own.sha256());
        assertThat(search.candidates().get(0).getNoise()).isEqualTo(Tensors.of(own));
        assertThat(search.candidates().get(1).getRecipe().getBaseSha256()).isEmpty();
        assertThat(search.candidates().get(1).getNoise().getShapeList()).containsExactly(1L, 4L, 4L, 12L);
    }

    @Test
    void output_noiseBest_comesWithTheBestSoFarOnly() {
        SearchClient search = sidecar.search(request(8)
                .setOutput(Output.newBuilder().setNoise(Include.INCLUDE_BEST))
                .build());

        search.summary();
        assertThat(search.candidates())
                .allSatisfy(candidate -> assertThat(candidate.hasNoise()).isEqualTo(candidate.getBestSoFar()));
        assertThat(search.candidates()).extracting(Candidate::getBestSoFar).contains(true, false);
    }

    @Test
    void output_previewAll_drawsEachAndCountsItsCalls() {
        SearchClient search = sidecar.search(request(4)
                .setOutput(Output.newBuilder().setPreview(Include.INCLUDE_ALL))
                .build());

        Summary summary = search.summary();
        assertThat(search.candidates())
                .allSatisfy(candidate ->
                        assertThat(candidate.getPreviewPng().toByteArray()).startsWith(0x89, 'P', 'N', 'G'));
        assertThat(summary.getBest(0).getPreviewPng().isEmpty()).isFalse();
        assertThat(sidecar.catalog.drawn).hasValue(4);
        assertThat(summary.getSpent().getFunctionEvaluations()).isEqualTo(4 + 4 * 40);
        assertThat(summary.getSpent().getLossEvaluations()).isEqualTo(4);
    }

    @Test
    void progress_countsTheCallsSpentOnPreviews() {
        SearchClient search = sidecar.search(request(4)
                .setOutput(Output.newBuilder().setPreview(Include.INCLUDE_ALL))
                .build());

        search.summary();
        List<Progress> progress = search.messages().stream()
                .filter(OptimizeNoiseResponse::hasProgress)
                .map(OptimizeNoiseResponse::getProgress)
                .toList();
        assertThat(progress.get(progress.size() - 1).getFunctionEvaluations()).isEqualTo(4 + 4 * 40);
    }

    @Test
    void output_previewBest_drawsTheBestSoFarAndTheSummarys() {
        SearchClient search = sidecar.search(request(8)
                .setOutput(Output.newBuilder().setPreview(Include.INCLUDE_BEST).setBest(8))
                .build());

        Summary summary = search.summary();
        assertThat(search.candidates())
                .allSatisfy(candidate ->
                        assertThat(candidate.getPreviewPng().isEmpty()).isNotEqualTo(candidate.getBestSoFar()));
        assertThat(summary.getBestList())
                .allSatisfy(candidate ->
                        assertThat(candidate.getPreviewPng().isEmpty()).isFalse());
        assertThat(sidecar.catalog.drawn).hasValue(8);
    }

    @Test
    void output_previews_ofOneBatchAreDrawnTogether() {
        sidecar.catalog.maxBatch = 4;
        SearchClient search = sidecar.search(request(10)
                .setOutput(Output.newBuilder().setPreview(Include.INCLUDE_ALL))
                .build());

        search.summary();
        assertThat(search.candidates())
                .hasSize(10)
                .noneMatch(candidate -> candidate.getPreviewPng().isEmpty());
        assertThat(sidecar.catalog.drawn).hasValue(10);
        assertThat(sidecar.catalog.drawCalls).hasValue(3);
    }

    @Test
    void output_attention_givesAHeatMapForEachSubject() {
        Summary summary = sidecar.search(request(3)
                        .setOutput(Output.newBuilder().setAttention(true))
                        .build())
                .summary();

        assertThat(summary.getBest(0).getAttentionList())
                .extracting(map -> map.getSubject())
                .containsExactly("cat", "frog");
        assertThat(Tensors.floats(summary.getBest(0).getAttention(0).getMap()))
                .containsExactly(2 / 32f, 10 / 32f, 18 / 32f, 26 / 32f);
        assertThat(summary.getBest(0).getAttention(0).getMap().getShapeList()).containsExactly(2L, 2L);
    }

    @Test
    void optimize_improvesOnTheHostsNoiseAndCarriesTheNoiseItself() {
        OptimizeNoiseRequest.Builder request =
                request(20).setSearchId("s").setOutput(Output.newBuilder().setNoise(Include.INCLUDE_ALL));
        request.getAttentionBuilder().setOptimize(true);
        SearchClient search = sidecar.search(request.build());

        Candidate best = search.summary().getBest(0);
        assertThat(best.getScore()).isLessThan(search.summary().getBaseline().getScore());
        assertThat(best.getRecipe().getSteps(0).getOptimization().getAlgorithm())
                .isEqualTo("initno");
        assertThat(best.getNoise().getShapeList()).containsExactly(1L, 4L, 8L, 8L);
        assertThat(search.summary().getSpent().getLossEvaluations()).isEqualTo(20);
        assertThat(search.candidates().get(best.getIndex()).getNoise()).isEqualTo(best.getNoise());
        assertThat(sidecar.stored("s").getSummary().getBest(0).getNoise()).isEqualTo(best.getNoise());
    }

    @Test
    void then_ranksByTheSecondLoss() {
        OptimizeNoiseRequest.Builder request = request(10);
        request.getAttentionBuilder().setThen(AttentionLoss.ATTENTION_LOSS_SELF_CROSS);
        SearchClient search = sidecar.search(request.build());

        assertThat(search.summary().getSpent().getLossEvaluations()).isEqualTo(10);
        assertThat(search.candidates()).hasSizeBetween(2, 9);
    }

    @Test
    void progress_rises() {
        SearchClient search = sidecar.search(request(20).build());

        search.summary();
        List<Progress> progress = search.messages().stream()
                .filter(OptimizeNoiseResponse::hasProgress)
                .map(OptimizeNoiseResponse::getProgress)
                .toList();
        assertThat(progress).isNotEmpty();
        assertThat(progress).extracting(Progress::getLossEvaluations).isSorted();
        assertThat(progress).extracting(Progress::getFraction).allMatch(fraction -> fraction > 0 && fraction <= 1);
    }

    @Test
    void everyModelCall_isOnTheLanesThread() {
        sidecar.search(request(3)
                        .setOutput(Output.newBuilder()
                                .setPreview(Include.INCLUDE_ALL)
                                .setAttention(true))
                        .build())
                .summary();

        SearchClient.await(() -> sidecar.catalog.openSessions.get() == 0);
        assertThat(sidecar.catalog.threads).containsExactly("prenoise-lane-cpu");
    }

    @Test
    void sameRequest_inTwoSidecars_givesTheSameCandidates() {
        OptimizeNoiseRequest request = request(6)
                .setOutput(Output.newBuilder().setNoise(Include.INCLUDE_ALL))
                .build();
        SearchClient here = sidecar.search(request);
        try (TestSidecar other = TestSidecar.inProcess(SidecarConfig.DEFAULT)) {
            SearchClient there = other.search(request);
            assertThat(there.summary().getBestList()).isEqualTo(here.summary().getBestList());
            assertThat(there.candidates()).isEqualTo(here.candidates());
        }
    }
}
