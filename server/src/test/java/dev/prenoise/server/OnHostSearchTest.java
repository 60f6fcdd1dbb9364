package dev.prenoise.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.protobuf.TextFormat;
import dev.prenoise.engine.CatalogOptions;
import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.PictureOptions;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.engine.PromptSpec;
import dev.prenoise.engine.SamplingSpec;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.server.ops.SidecarServer;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.Candidate;
import dev.prenoise.v1.HeatMap;
import dev.prenoise.v1.HostStart;
import dev.prenoise.v1.Include;
import dev.prenoise.v1.LossForm;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.Progress;
import dev.prenoise.v1.SearchAlgorithm;
import dev.prenoise.v1.Summary;
import dev.prenoise.v1.Tensor;
import io.grpc.ManagedChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A host whose own model is the built-in one, evaluated by the engine in this process: what it finds over the wire is what the sidecar finds
 * by itself. Maps travel as the float64, noise and latents as the float32 that they are and pictures as PNG, so all is equal to the bit, but for what
 * follows a gradient of pictures, which the sidecar takes at the unrounded picture and over the wire at its bytes.
 */
class OnHostSearchTest {
    private static final String PROMPT = "a red circle and a blue square";
    private static final List<Double> SIGMAS = List.of(12.0, 4.0, 1.0, 0.2, 0.0);

    @TempDir
    static Path folder;

    private static ModelCatalog catalog;
    private static SidecarServer server;
    private static ManagedChannel channel;

    /** The host's own. */
    private static ModelCatalog model;

    @BeforeAll
    static void start() {
        catalog = Catalogs.create(CatalogOptions.of(folder.resolve("cache")));
        server = new SidecarServer(
                SidecarConfig.DEFAULT.withDataDir(folder.resolve("data")).withPort(0), catalog);
        channel = TestSidecar.connect(server.start());
        model = Catalogs.create(CatalogOptions.of(folder.resolve("cache")));
    }

    @AfterAll
    static void stop() {
        channel.shutdownNow();
        server.close();
        catalog.close();
        model.close();
    }

    /** At the sigmas that search over paths walks. */
    private static OptimizeNoiseRequest.Builder request() {
        OptimizeNoiseRequest.Builder request = OptimizeNoiseRequest.newBuilder().setSeed(123);
        request.getPromptBuilder().setText(PROMPT);
        request.getSamplingBuilder().setSampler("euler").setGuidanceScale(3).addAllSigmas(SIGMAS);
        request.getOutputBuilder().setBest(3).setNoise(Include.INCLUDE_ALL);
        return request;
    }

    private static OptimizeNoiseRequest.Builder judged(SearchAlgorithm algorithm, String verifier, int pictures) {
        OptimizeNoiseRequest.Builder request = request();
        request.getVerifierBuilder()
                .setAlgorithm(algorithm)
                .addVerifiersBuilder()
                .setName(verifier);
        request.getBudgetBuilder().setPictures(pictures);
        return request;
    }

    /** One and the same search, by the sidecar and by a host. */
    private record Pair(SearchClient own, HostClient host) {}

    private static Pair search(OptimizeNoiseRequest request) {
        SearchClient own = SearchClient.start(channel, request);
        own.summary();
        SamplingSpec sampling = new SamplingSpec(
                request.getSampling().getSampler(),
                "",
                0,
                request.getSampling().getGuidanceScale(),
                request.getSampling().getSigmasList());
        try (PromptSession session =
                model.open("shapes").prepare(new PromptSpec(PROMPT, "", List.of()), sampling, 0, 0)) {
            SessionHost evaluating = new SessionHost(session, PictureOptions.plain());
            HostStart.Builder start = HostStart.newBuilder()
                    .setMaxBatch(evaluating.maxBatch())
                    .setModel("built-in")
                    .setGradients(true);
            for (long size : session.noiseShape()) {
                start.addNoiseShape(size);
            }
            start.getSamplerBuilder()
                    .setCalls(SIGMAS.size() - 1)
                    .setRows(2)
                    .addAllSigmas(SIGMAS)
                    .setPrediction("eps");
            start.setRequest(request)
                    .getRequestBuilder()
                    .getPromptBuilder()
                    .addAllSubjects(own.messages().get(0).getAccepted().getSubjectsList());
            HostClient host = HostClient.start(channel, start.build(), evaluating);
            host.summary();
            return new Pair(own, host);
        }
    }

    private static void assertSame(Pair pair) {
        assertThat(readable(pair.host().candidates()))
                .isEqualTo(readable(pair.own().candidates()));
        assertSame(pair.host().summary(), pair.own().summary());
    }

    private static void assertSame(Summary host, Summary own) {
        assertThat(readable(host.getBestList())).isEqualTo(readable(own.getBestList()));
        assertThat(readable(List.of(host.getBaseline()))).isEqualTo(readable(List.of(own.getBaseline())));
        assertThat(host.getStopReason()).isEqualTo(own.getStopReason());
        assertThat(timeless(host.getSpent())).isEqualTo(timeless(own.getSpent()));
    }

    /** Tensors and pictures by their hashes, without heat maps. */
    private static List<String> readable(List<Candidate> candidates) {
        return candidates.stream()
                .map(candidate -> candidate.getIndex() + " " + candidate.getScore()
                        + (candidate.getBestSoFar() ? " best " : " ") + candidate.getScoreIsLoss()
                        + new TreeMap<>(candidate.getTermsMap())
                        + TextFormat.printer().emittingSingleLine(true).printToString(candidate.getRecipe())
                        + " noise " + candidate.getNoise().hashCode()
                        + " preview " + candidate.getPreviewPng().hashCode())
                .toList();
    }

    private static Progress timeless(Progress spent) {
        return spent.toBuilder().clearElapsed().build();
    }

    @ParameterizedTest
    @EnumSource(
            value = AttentionLoss.class,
            names = {"ATTENTION_LOSS_UNSPECIFIED", "UNRECOGNIZED"},
            mode = EnumSource.Mode.EXCLUDE)
    void ranking_byEachLoss_findsWhatTheSidecarFinds(AttentionLoss loss) {
        OptimizeNoiseRequest.Builder request = request();
        request.getAttentionBuilder().setLoss(loss);
        request.getBudgetBuilder().setLossEvaluations(9);

        Pair pair = search(request.build());

        assertSame(pair);
        assertThat(pair.host().candidates()).hasSize(9);
        assertThat(pair.host().messages().get(0).getEvent().getAccepted().getBackbone())
                .isEqualTo("built-in");
    }

    @ParameterizedTest
    @CsvSource({
        "ATTENTION_LOSS_INITNO, LOSS_FORM_RANKING",
        "ATTENTION_LOSS_SELF_CROSS, LOSS_FORM_RANKING",
        "ATTENTION_LOSS_CONFORM, LOSS_FORM_PUBLISHED"
    })
    void optimize_inTwoPhases_followsTheSameGradients(AttentionLoss loss, LossForm form) {
        OptimizeNoiseRequest.Builder request = request();
        request.getAttentionBuilder().setLoss(loss).setForm(form).setOptimize(true);
        request.getBudgetBuilder().setLossEvaluations(12);

        Pair pair = search(request.build());

        assertSame(pair);
        assertThat(pair.host().questions()).anyMatch(question -> question.hasGradient());
        assertThat(pair.host().summary().getBest(0).getRecipe().getSteps(0).hasOptimization())
                .isTrue();
    }

    @Test
    void twoStages_findWhatTheSidecarFinds() {
        OptimizeNoiseRequest.Builder request = request();
        request.getAttentionBuilder()
                .setLoss(AttentionLoss.ATTENTION_LOSS_INITNO)
                .setThen(AttentionLoss.ATTENTION_LOSS_SELF_CROSS);
        request.getBudgetBuilder().setLossEvaluations(9);

        assertSame(search(request.build()));
    }

    @Test
    void previewsAndHeatMaps_areThoseOfTheHost() {
        OptimizeNoiseRequest.Builder request = request();
        request.getAttentionBuilder().setLoss(AttentionLoss.ATTENTION_LOSS_CONFORM);
        request.getBudgetBuilder().setLossEvaluations(3);
        request.getOutputBuilder().setPreview(Include.INCLUDE_BEST).setAttention(true);

        Pair pair = search(request.build());

        assertThat(pair.host().summary().getBest(0).getPreviewPng()).isNotEmpty();
        assertSame(pair);
        List<HeatMap> maps = pair.host().summary().getBest(0).getAttentionList();
        List<HeatMap> own = pair.own().summary().getBest(0).getAttentionList();
        assertThat(maps).extracting(HeatMap::getSubject).containsExactly("circle", "square");
        for (int i = 0; i < 2; i++) {
            // computed beside others here, alone there
            assertThat(values(maps.get(i))).containsExactly(values(own.get(i)), within(1e-6f));
        }
    }

    private static float[] values(HeatMap map) {
        return SessionHost.noise(map.getMap().toBuilder()
                        .clearShape()
                        .addAllShape(List.of(
                                1L, 1L, map.getMap().getShape(0), map.getMap().getShape(1)))
                        .build())
                .data();
    }

    @Test
    void noiseOfTheHost_isCandidate0() {
        OptimizeNoiseRequest.Builder request = request();
        float[] values = new float[4 * 16 * 16];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) Math.sin(i) * 1.4f;
        }
        Tensor noise = SessionHost.tensor(values, 1, 4, 16, 16);
        request.setNoise(noise).getAttentionBuilder().setLoss(AttentionLoss.ATTENTION_LOSS_INITNO);
        request.getBudgetBuilder().setLossEvaluations(2);

        Pair pair = search(request.build());

        assertSame(pair);
        assertThat(pair.host().candidates().get(0).getNoise()).isEqualTo(noise);
    }

    @ParameterizedTest
    @CsvSource({
        "SEARCH_ALGORITHM_RANDOM, 3",
        "SEARCH_ALGORITHM_ZERO_ORDER, 4",
        "SEARCH_ALGORITHM_PATHS, 12",
        "SEARCH_ALGORITHM_ZERO_ORDER_THEN_PATHS, 20"
    })
    void pictures_byEachAlgorithm_areJudgedAsTheSidecarsOwn(SearchAlgorithm algorithm, int pictures) {
        OptimizeNoiseRequest.Builder request = judged(algorithm, "oracle", pictures);
        request.getVerifierBuilder()
                .addVerifiersBuilder()
                .setName("shapes-aesthetic")
                .setWeight(2);
        request.getOutputBuilder().setPreview(Include.INCLUDE_ALL);

        Pair pair = search(request.build());

        assertSame(pair);
        assertThat(pair.host().candidates())
                .allMatch(candidate -> !candidate.getPreviewPng().isEmpty());
    }

    @Test
    void paths_walkOnTheHost() {
        OptimizeNoiseRequest.Builder request = judged(SearchAlgorithm.SEARCH_ALGORITHM_PATHS, "oracle", 12);
        request.getVerifierBuilder().getPathsBuilder().setInitialPaths(1);
        Pair pair = search(request.build());

        assertSame(pair);
        assertThat(pair.host().questions())
                .as("down, looking on the way, and back")
                .anyMatch(question -> question.getEvaluate().getWalk().getTo()
                        > question.getEvaluate().getWalk().getFrom())
                .anyMatch(question -> question.getEvaluate().hasWalk()
                        && question.getEvaluate().getImages())
                .anyMatch(question -> question.getEvaluate().getWalk().getTo()
                        < question.getEvaluate().getWalk().getFrom());
    }

    @Test
    void cascade_screensAndJudgesAsTheSidecar() {
        OptimizeNoiseRequest.Builder request = request();
        request.getCascadeBuilder().setKeep(2).getScreenBuilder().setLoss(AttentionLoss.ATTENTION_LOSS_SELF_CROSS);
        request.getCascadeBuilder().getVerifyBuilder().addVerifiersBuilder().setName("oracle");
        request.getBudgetBuilder().setLossEvaluations(4);

        Pair pair = search(request.build());

        assertSame(pair);
        assertThat(pair.host().candidates()).hasSize(3);
    }

    /**
     * The first gradient is that of the same picture, rounded to bytes: it leads nearly the same way. Later ones part slowly. The sidecar's own
     * search draws with what its gradient needs kept, the host here without: last bits differ, and with them now and then a byte.
     */
    @Test
    void firstOrder_inTwoPhases_climbsAsTheSidecarDoes() {
        OptimizeNoiseRequest.Builder request = judged(SearchAlgorithm.SEARCH_ALGORITHM_FIRST_ORDER, "shapes-clip", 0);
        request.getBudgetBuilder().setFunctionEvaluations(2 * (4 + 3 * 4) + 4);

        Pair pair = search(request.build());

        List<Candidate> own = pair.own().candidates();
        List<Candidate> host = pair.host().candidates();
        assertThat(host).hasSize(3).hasSameSizeAs(own);
        assertThat(scoreless(host.get(0))).isEqualTo(scoreless(own.get(0)));
        assertThat(host.get(0).getScore()).isCloseTo(own.get(0).getScore(), within(1e-5));
        assertThat(timeless(pair.host().summary().getSpent()).toBuilder()
                        .clearBestScore()
                        .build())
                .isEqualTo(timeless(pair.own().summary().getSpent()).toBuilder()
                        .clearBestScore()
                        .build());
        assertThat(cosine(moved(host), moved(own))).isGreaterThan(0.999);
        assertThat(host.get(1).getScore()).isCloseTo(own.get(1).getScore(), within(0.005));
    }

    private static Candidate scoreless(Candidate candidate) {
        return candidate.toBuilder().clearScore().clearTerms().build();
    }

    private static float[] moved(List<Candidate> candidates) {
        float[] from = SessionHost.noise(candidates.get(0).getNoise()).data();
        float[] to = SessionHost.noise(candidates.get(1).getNoise()).data();
        float[] way = new float[from.length];
        for (int i = 0; i < way.length; i++) {
            way[i] = to[i] - from[i];
        }
        return way;
    }

    private static double cosine(float[] a, float[] b) {
        double product = 0;
        double ofA = 0;
        double ofB = 0;
        for (int i = 0; i < a.length; i++) {
            product += (double) a[i] * b[i];
            ofA += (double) a[i] * a[i];
            ofB += (double) b[i] * b[i];
        }
        return product / Math.sqrt(ofA * ofB);
    }
}
