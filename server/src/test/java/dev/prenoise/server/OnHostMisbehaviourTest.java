package dev.prenoise.server;

import static dev.prenoise.server.SessionHost.tensor;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.prenoise.image.Picture;
import dev.prenoise.image.Png;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.AttentionMaps;
import dev.prenoise.v1.Evaluate;
import dev.prenoise.v1.GetSearchResponse;
import dev.prenoise.v1.HostEvaluation;
import dev.prenoise.v1.HostGradient;
import dev.prenoise.v1.HostStart;
import dev.prenoise.v1.Include;
import dev.prenoise.v1.OptimizeNoiseOnHostRequest;
import dev.prenoise.v1.OptimizeNoiseOnHostResponse;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.SearchAlgorithm;
import dev.prenoise.v1.SearchState;
import dev.prenoise.v1.Tensor;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Hosts that do not as they should, or not in time. Whatever they do, they are told what is wrong, what was best so far can be read, and
 * nobody else notices.
 */
class OnHostMisbehaviourTest {
    private static final long[] SHAPE = {1, 4, 2, 2};
    private static final int SIDE = 2;
    private static final int TOKENS = 8;

    @TempDir
    private Path folder;

    private TestSidecar sidecar;

    @BeforeEach
    void start() {
        sidecar = TestSidecar.onLoopback(SidecarConfig.DEFAULT);
    }

    @AfterEach
    void stop() {
        sidecar.close();
        SearchClient.await(() -> Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> thread.getName().equals("prenoise-search")
                        && Arrays.stream(thread.getStackTrace())
                                .anyMatch(frame -> frame.getClassName().endsWith("HostExchange"))));
    }

    // ---- a host that does as it should ----

    private static HostStart.Builder attention(String id) {
        HostStart.Builder start = HostStart.newBuilder().setModel("m").setGradients(true);
        Arrays.stream(SHAPE).forEach(start::addNoiseShape);
        OptimizeNoiseRequest.Builder request =
                start.getRequestBuilder().setSearchId(id).setSeed(7);
        request.getPromptBuilder().setText("a cat and a frog");
        request.getPromptBuilder().addSubjectsBuilder().setText("cat").addTokenIndices(2);
        request.getPromptBuilder().addSubjectsBuilder().setText("frog").addTokenIndices(5);
        request.getAttentionBuilder().setLoss(AttentionLoss.ATTENTION_LOSS_ATTEND_AND_EXCITE);
        request.getBudgetBuilder().setLossEvaluations(4);
        return start;
    }

    private static HostStart.Builder pictures(String id) {
        HostStart.Builder start = attention(id);
        start.getSamplerBuilder().setCalls(5);
        start.getRequestBuilder()
                .clearAttention()
                .getVerifierBuilder()
                .addVerifiersBuilder()
                .setName("bright");
        start.getRequestBuilder().getBudgetBuilder().clear().setPictures(3);
        return start;
    }

    /** Maps that follow from the noise. */
    private static HostEvaluation.Builder evaluation(Evaluate question) {
        HostEvaluation.Builder answer = HostEvaluation.newBuilder().setEvaluationId(question.getEvaluationId());
        for (Tensor noise : question.getNoiseList()) {
            float first = SessionHost.noise(noise).data()[0];
            if (question.getAttention()) {
                answer.addAttention(maps(first));
            }
            if (question.getImages()) {
                answer.addImages(png(first));
            }
            if (question.getPredictions()) {
                answer.addPredictions(png(first / 2));
            }
        }
        return answer;
    }

    private static AttentionMaps maps(float first) {
        float[] cross = new float[SIDE * SIDE * TOKENS];
        for (int i = 0; i < cross.length; i++) {
            cross[i] = (float) (1 / (2 + Math.abs(Math.sin(first * (i + 1)))) / TOKENS);
        }
        float[] self = new float[SIDE * SIDE * SIDE * SIDE];
        Arrays.fill(self, 0.25f);
        return AttentionMaps.newBuilder()
                .setCrossAttention(tensor(cross, SIDE, SIDE, TOKENS))
                .setSelfAttention(tensor(self, SIDE, SIDE, SIDE * SIDE))
                .build();
    }

    private static ByteString png(float first) {
        byte[] rgb = new byte[8 * 8 * 3];
        Arrays.fill(rgb, (byte) Math.round(100 + 20 * first));
        return ByteString.copyFrom(Png.encode(new Picture(8, 8, rgb)));
    }

    private static OptimizeNoiseOnHostRequest of(HostEvaluation.Builder evaluation) {
        return OptimizeNoiseOnHostRequest.newBuilder().setEvaluation(evaluation).build();
    }

    private static OptimizeNoiseOnHostRequest good(OptimizeNoiseOnHostResponse question) {
        if (question.hasGradient()) {
            HostGradient.Builder gradient = HostGradient.newBuilder()
                    .setEvaluationId(question.getGradient().getEvaluationId());
            float[] values = new float[16];
            Arrays.fill(values, 0.01f);
            return OptimizeNoiseOnHostRequest.newBuilder()
                    .setGradient(gradient.addNoiseGradient(tensor(values, SHAPE)))
                    .build();
        }
        return of(evaluation(question.getEvaluate()));
    }

    /** Answers the first question well and spoils the answers to the second. */
    private HostClient spoiled(HostStart start, Consumer<HostEvaluation.Builder> spoil) {
        return HostClient.start(sidecar.channel, start, question -> {
            if (question.hasGradient() || question.getEvaluate().getEvaluationId() == 1) {
                return good(question);
            }
            HostEvaluation.Builder answer = evaluation(question.getEvaluate());
            spoil.accept(answer);
            return of(answer);
        });
    }

    private void assertStored(String id, SearchState state, String error) {
        sidecar.awaitState(id, state);
        GetSearchResponse stored = sidecar.stored(id);
        assertThat(stored.getError()).contains(error);
        assertThat(stored.getSummary().getBestCount()).isEqualTo(1);
        assertThat(stored.getSummary().getBest(0).hasNoise()).isTrue();
    }

    /** The lane is free, and another search runs to its end. */
    private void assertOthersGoOn() {
        assertThat(sidecar.search(TestSidecar.request(2).build())
                        .summary()
                        .getSpent()
                        .getLossEvaluations())
                .isEqualTo(2);
    }

    @Test
    void host_thatAnswersWell_isHeardToTheEnd() {
        HostClient ranked = HostClient.start(sidecar.channel, attention("a").build(), OnHostMisbehaviourTest::good);
        assertThat(ranked.summary().getSpent().getLossEvaluations()).isEqualTo(4);
        assertThat(ranked.candidates()).hasSize(4);
        assertThat(ranked.events().get(0).getAccepted().getBackbone()).isEqualTo("m");
        assertThat(ranked.questions())
                .allMatch(question -> !question.getEvaluate().getSelfAttention());

        HostClient judged = HostClient.start(sidecar.channel, pictures("v").build(), OnHostMisbehaviourTest::good);
        assertThat(judged.summary().getSpent().getFunctionEvaluations()).isEqualTo(15);
        assertThat(judged.summary().getSpent().getDenoiserCalls()).isEqualTo(15);
    }

    @Test
    void verifier_thatReadsPredictions_isShownThem() {
        HostStart.Builder start = pictures("v");
        start.getRequestBuilder().getVerifierBuilder().getVerifiersBuilder(0).setName("steady");
        HostClient host = HostClient.start(sidecar.channel, start.build(), OnHostMisbehaviourTest::good);

        assertThat(host.summary().getBestCount()).isEqualTo(1);
        assertThat(host.questions()).isNotEmpty().allMatch(question -> question.getEvaluate()
                .getPredictions());
        assertThat(host.candidates()).allMatch(candidate -> candidate.getScore() < 0);
        start.getRequestBuilder().setSearchId("w");
        assertThat(spoiled(start.build(), HostEvaluation.Builder::clearPredictions)
                        .failure())
                .hasMessageContaining("evaluation.predictions: 0 of them (expected: 1, one for each noise asked for)");
    }

    // ---- answers that cannot be used ----

    private static Tensor.Builder cross(HostEvaluation.Builder answer) {
        return answer.getAttentionBuilder(0).getCrossAttentionBuilder();
    }

    static Stream<Arguments> badMaps() {
        return Stream.of(
                bad(
                        "evaluation.attention: 0 of them (expected: 1, one for each noise asked for)",
                        HostEvaluation.Builder::clearAttention),
                bad(
                        "evaluation.attention: 2 of them (expected: 1, one for each noise asked for)",
                        answer -> answer.addAttention(answer.getAttention(0))),
                bad(
                        "evaluation.images: 1 of them (expected: none, as they were not asked for)",
                        answer -> answer.addImages(png(0))),
                bad(
                        "evaluation.attention[0].cross_attention: not set (expected: [H, W, T])",
                        answer -> answer.getAttentionBuilder(0).clearCrossAttention()),
                bad(
                        "evaluation.attention[0].cross_attention.shape: [4, 8] (expected: [H, W, T], each at least 1)",
                        answer -> cross(answer).clearShape().addShape(4).addShape(8)),
                bad(
                        "evaluation.attention[0].cross_attention.data: 128 bytes (expected: 256 for shape [4, 2, 8] of DATA_TYPE_FLOAT32)",
                        answer -> cross(answer).setShape(0, 4)),
                bad(
                        "evaluation.attention[0].cross_attention.shape: [1, 4, 8] (expected: [2, 2, 8], as of the first evaluation)",
                        answer -> cross(answer).setShape(0, 1).setShape(1, 4)),
                bad(
                        "evaluation.attention[0].cross_attention.shape: [2, 4, 4] (expected: at least 6 tokens, as a subject has token index 5)",
                        answer -> cross(answer).setShape(1, 4).setShape(2, 4)),
                bad(
                        "evaluation.attention[0].cross_attention.data[3]: NaN (expected: finite)",
                        answer -> spoilFloat(cross(answer), 3, Float.NaN)),
                bad(
                        "evaluation.attention[0].cross_attention.data[0]: Infinity (expected: finite)",
                        answer -> spoilFloat(cross(answer), 0, Float.POSITIVE_INFINITY)),
                bad(
                        "evaluation.attention[0].cross_attention.data_type: DATA_TYPE_UNSPECIFIED (expected: DATA_TYPE_FLOAT32",
                        answer -> cross(answer).clearDataType()),
                bad(
                        "evaluation.evaluation_id: 1 (expected: 2, the one asked for)",
                        answer -> answer.setEvaluationId(1)));
    }

    private static Arguments bad(String message, Consumer<HostEvaluation.Builder> spoil) {
        return Arguments.of(message, spoil);
    }

    private static void spoilFloat(Tensor.Builder tensor, int index, float value) {
        float[] values = SessionHost.noise(Tensor.newBuilder(tensor.build())
                        .clearShape()
                        .addShape(1)
                        .addShape(1)
                        .addShape(1)
                        .addShape(tensor.getData().size() / Float.BYTES)
                        .build())
                .data();
        values[index] = value;
        tensor.setData(tensor(values, values.length).getData());
    }

    @ParameterizedTest
    @MethodSource("badMaps")
    void maps_thatCannotBeUsed_endTheSearchWithFieldAndExpectation(
            String message, Consumer<HostEvaluation.Builder> spoil) {
        HostClient host = spoiled(attention("s").build(), spoil);

        assertThat(host.failure().getStatus().getCode()).isEqualTo(Code.INVALID_ARGUMENT);
        assertThat(host.failure()).hasMessageContaining(message);
        assertThat(TestSidecar.violations(host.failure()).get(0).getField())
                .isEqualTo(message.replaceFirst(": .*", ""));
        assertStored("s", SearchState.SEARCH_STATE_FAILED, message);
        assertOthersGoOn();
    }

    @Test
    void selfAttention_whereTheLossReadsIt_mustFit() {
        HostStart.Builder start = attention("s");
        start.getRequestBuilder().getAttentionBuilder().setLoss(AttentionLoss.ATTENTION_LOSS_INITNO);
        HostClient missing =
                spoiled(start.build(), answer -> answer.getAttentionBuilder(0).clearSelfAttention());
        assertThat(missing.failure())
                .hasMessageContaining(
                        "evaluation.attention[0].self_attention: not set (expected: [2, 2, 4], which the loss reads)");
        assertThat(missing.questions())
                .allMatch(question -> question.getEvaluate().getSelfAttention());

        start.getRequestBuilder().setSearchId("t");
        HostClient unfit = spoiled(start.build(), answer -> answer.getAttentionBuilder(0)
                .getSelfAttentionBuilder()
                .setShape(0, 4)
                .setShape(1, 1));
        assertThat(unfit.failure())
                .hasMessageContaining("evaluation.attention[0].self_attention.shape: [4, 1, 4] (expected: [2, 2, 4]");
    }

    static Stream<Arguments> badPictures() {
        byte[] small = new byte[3];
        return Stream.of(
                bad("evaluation.images: 0 of them (expected: 1", HostEvaluation.Builder::clearImages),
                bad(
                        "evaluation.images[0]: bytes that start with 6e6f (expected: a PNG, JPEG or WebP file)",
                        answer -> answer.setImages(0, ByteString.copyFromUtf8("no"))),
                bad("evaluation.images[0]: empty", answer -> answer.setImages(0, ByteString.EMPTY)),
                bad(
                        "evaluation.images[0]: a PNG of 50 bytes whose chunk at 33 has 19",
                        answer -> answer.setImages(0, answer.getImages(0).substring(0, 50))),
                bad(
                        "evaluation.images[0]: 101 x 1 pixels (expected: the longer side at most 100 times the shorter)",
                        answer -> answer.setImages(
                                0, ByteString.copyFrom(Png.encode(new Picture(101, 1, new byte[303]))))),
                bad(
                        "evaluation.images[0]: a PNG of 60000 x 60000 pixels (expected: at most 16777216 pixels)",
                        answer -> answer.setImages(0, withSize(answer.getImages(0), 60000))),
                bad(
                        "evaluation.predictions: 1 of them (expected: none",
                        answer -> answer.addPredictions(ByteString.copyFrom(small))),
                bad(
                        "evaluation.latents: 1 of them (expected: none",
                        answer -> answer.addLatents(tensor(new float[16], SHAPE))));
    }

    /** The size in the header, and its checksum. */
    private static ByteString withSize(ByteString png, int side) {
        byte[] bytes = png.toByteArray();
        java.nio.ByteBuffer.wrap(bytes).putInt(16, side).putInt(20, side);
        java.util.zip.CRC32 sum = new java.util.zip.CRC32();
        sum.update(bytes, 12, 17);
        java.nio.ByteBuffer.wrap(bytes).putInt(29, (int) sum.getValue());
        return ByteString.copyFrom(bytes);
    }

    @ParameterizedTest
    @MethodSource("badPictures")
    void pictures_thatCannotBeUsed_endTheSearchWithFieldAndExpectation(
            String message, Consumer<HostEvaluation.Builder> spoil) {
        HostClient host = spoiled(pictures("s").build(), spoil);

        assertThat(host.failure().getStatus().getCode()).isEqualTo(Code.INVALID_ARGUMENT);
        assertThat(host.failure()).hasMessageContaining(message);
        assertStored("s", SearchState.SEARCH_STATE_FAILED, message);
        assertThat(sidecar.catalog.verifiers.openJudges).hasValue(0);
    }

    @Test
    void error_ofTheHost_endsTheSearchWithItsWords() {
        HostClient host = spoiled(attention("s").build(), answer -> answer.clearAttention()
                .setError("CUDA out of memory. Tried to allocate 2.00 GiB\nTraceback"));

        assertThat(host.failure().getStatus().getCode()).isEqualTo(Code.ABORTED);
        assertThat(host.failure())
                .hasMessageContaining("evaluation.error: \"CUDA out of memory. Tried to allocate 2.00 GiB Traceback\"");
        assertStored("s", SearchState.SEARCH_STATE_FAILED, "CUDA out of memory");
        assertOthersGoOn();
    }

    @Test
    void gradient_thatCannotBeUsed_endsTheSearch() {
        HostStart.Builder start = attention("s");
        start.getRequestBuilder().getAttentionBuilder().setOptimize(true);
        start.getRequestBuilder().getBudgetBuilder().setLossEvaluations(20);
        assertThat(gradient(start, answer -> answer.clearNoiseGradient().setError("no graph")))
                .hasMessageContaining("gradient.error: \"no graph\"");
        assertThat(gradient(start, HostGradient.Builder::clearNoiseGradient))
                .hasMessageContaining("gradient.noise_gradient: 0 of them (expected: 1");
        assertThat(gradient(start, answer -> answer.getNoiseGradientBuilder(0)
                        .setShape(1, 2)
                        .setShape(2, 4)))
                .hasMessageContaining("gradient.noise_gradient[0].shape: [1, 2, 4, 2] (expected: [1, 4, 2, 2]");
        assertThat(gradient(start, answer -> spoilFloat(answer.getNoiseGradientBuilder(0), 5, Float.NaN)))
                .hasMessageContaining("gradient.noise_gradient[0].data[5]: NaN (expected: finite)");
        assertThat(gradient(start, answer -> answer.setEvaluationId(99)))
                .hasMessageContaining("gradient.evaluation_id: 99 (expected: 1, the one asked for)");
    }

    private StatusRuntimeException gradient(HostStart.Builder start, Consumer<HostGradient.Builder> spoil) {
        start.getRequestBuilder().setSearchId("");
        return HostClient.start(sidecar.channel, start.build(), question -> {
                    OptimizeNoiseOnHostRequest.Builder answer = good(question).toBuilder();
                    if (question.hasGradient()) {
                        spoil.accept(answer.getGradientBuilder());
                    }
                    return answer.build();
                })
                .failure();
    }

    // ---- messages out of turn ----

    @Test
    void gradient_whereAnEvaluationIsDue_isRefused() {
        HostClient host = HostClient.start(
                sidecar.channel,
                attention("s").build(),
                question -> question.getEvaluate().getEvaluationId() == 1
                        ? good(question)
                        : OptimizeNoiseOnHostRequest.newBuilder()
                                .setGradient(HostGradient.newBuilder().setEvaluationId(2))
                                .build());

        assertThat(host.failure()).hasMessageContaining("gradient: sent (expected: evaluation, with evaluation_id 2)");
        assertStored("s", SearchState.SEARCH_STATE_FAILED, "gradient: sent");
    }

    @Test
    void answer_sentTwice_isRefused() {
        AtomicInteger asked = new AtomicInteger();
        HostClient[] host = new HostClient[1];
        Semaphore started = new Semaphore(0);
        host[0] = HostClient.start(sidecar.channel, attention("s").build(), question -> {
            if (asked.incrementAndGet() == 2) {
                started.acquire();
                host[0].send(good(question));
            }
            return good(question);
        });
        started.release();

        assertThat(host[0].failure().getStatus().getCode()).isEqualTo(Code.INVALID_ARGUMENT);
        assertThat(host[0].failure()).hasMessageContaining("evaluation");
    }

    @Test
    void answer_nobodyAskedFor_isRefused() {
        HostClient host = HostClient.open(sidecar.channel, question -> null, Integer.MAX_VALUE);
        host.send(
                OptimizeNoiseOnHostRequest.newBuilder().setStart(attention("s")).build());
        SearchClient.await(() -> host.questions().size() == 1);
        host.send(OptimizeNoiseOnHostRequest.newBuilder()
                .setGradient(HostGradient.newBuilder().setEvaluationId(1))
                .build());

        assertThat(host.failure()).hasMessageContaining("gradient: sent (expected: evaluation, with evaluation_id 1)");
    }

    @Test
    void start_sentTwice_isRefused() {
        HostClient host = HostClient.open(sidecar.channel, question -> null, Integer.MAX_VALUE);
        OptimizeNoiseOnHostRequest start =
                OptimizeNoiseOnHostRequest.newBuilder().setStart(attention("s")).build();
        host.send(start);
        host.send(start);

        assertThat(host.failure().getStatus().getCode()).isEqualTo(Code.INVALID_ARGUMENT);
        assertThat(host.failure()).hasMessageContaining("start: sent (expected: an evaluation or a gradient");
        assertOthersGoOn();
    }

    @Test
    void call_thatBeginsWithoutAStart_isRefused() {
        HostClient answer = HostClient.open(sidecar.channel, question -> null, Integer.MAX_VALUE);
        answer.send(of(HostEvaluation.newBuilder().setEvaluationId(1)));
        HostClient empty = HostClient.open(sidecar.channel, question -> null, Integer.MAX_VALUE);
        empty.send(OptimizeNoiseOnHostRequest.getDefaultInstance());
        HostClient silent = HostClient.open(sidecar.channel, question -> null, Integer.MAX_VALUE);
        silent.halfClose();

        assertThat(answer.failure())
                .hasMessageContaining(
                        "INVALID_ARGUMENT: message: EVALUATION (expected: start, the first message of a call)");
        assertThat(empty.failure()).hasMessageContaining("message: MESSAGE_NOT_SET (expected: start");
        assertThat(silent.failure()).hasMessageContaining("start: not set (expected: set");
    }

    // ---- hosts that go away, or do not answer ----

    @Test
    void evaluation_thatIsLate_endsTheSearchByItsName() {
        sidecar.close();
        sidecar = TestSidecar.onLoopback(SidecarConfig.DEFAULT.withHostTimeout(Duration.ofMillis(1500)));
        HostClient host = HostClient.start(
                sidecar.channel,
                attention("s").build(),
                question -> question.getEvaluate().getEvaluationId() < 3 ? good(question) : null);

        assertThat(host.failure().getStatus().getCode()).isEqualTo(Code.DEADLINE_EXCEEDED);
        assertThat(host.failure())
                .hasMessageContaining(
                        "evaluation 3: not answered (expected: within 1.5 s; serve --host-timeout says how long)");
        assertStored("s", SearchState.SEARCH_STATE_FAILED, "evaluation 3: not answered");
        assertThat(sidecar.stored("s").getSummary().getSpent().getLossEvaluations())
                .isEqualTo(2);
    }

    @Test
    void cancelledCall_endsTheSearchWhichGoesOnUnderItsId() {
        HostClient host = HostClient.start(
                sidecar.channel,
                attention("s").build(),
                question -> question.getEvaluate().getEvaluationId() < 3 ? good(question) : null);
        SearchClient.await(() -> host.questions().size() == 3);
        host.cancel();
        assertStored("s", SearchState.SEARCH_STATE_CANCELLED, "");

        HostClient resumed = HostClient.start(sidecar.channel, attention("s").build(), OnHostMisbehaviourTest::good);
        assertThat(resumed.summary().getSpent().getLossEvaluations()).isEqualTo(4);
        assertThat(resumed.candidates()).hasSize(4);
        assertThat(resumed.questions()).as("what was scored is not asked again").hasSize(2);

        HostClient whole = HostClient.start(sidecar.channel, attention("w").build(), OnHostMisbehaviourTest::good);
        assertThat(whole.summary().getBestList()).isEqualTo(resumed.summary().getBestList());
    }

    @Test
    void halfClosedCall_endsTheSearchWhichIsKept() {
        HostClient host = HostClient.start(
                sidecar.channel,
                attention("s").build(),
                question -> question.getEvaluate().getEvaluationId() < 3 ? good(question) : null);
        SearchClient.await(() -> host.questions().size() == 3);
        host.halfClose();

        assertThat(host.failure().getStatus().getCode()).isEqualTo(Code.CANCELLED);
        assertStored("s", SearchState.SEARCH_STATE_CANCELLED, "");
        assertThat(host.candidates()).hasSize(2);
    }

    @Test
    void brokenConnection_endsTheSearchWhichIsKept() {
        var connection =
                TestSidecar.connect(Integer.parseInt(sidecar.channel.authority().replaceFirst(".*:", "")));
        HostClient host = HostClient.start(
                connection,
                attention("s").build(),
                question -> question.getEvaluate().getEvaluationId() < 3 ? good(question) : null);
        SearchClient.await(() -> host.questions().size() == 3);
        connection.shutdownNow();

        assertStored("s", SearchState.SEARCH_STATE_CANCELLED, "");
        assertOthersGoOn();
    }

    @Test
    void sidecar_thatStops_goesOnWhenItIsBack() {
        sidecar.close();
        SidecarConfig kept = SidecarConfig.DEFAULT.withDataDir(folder).withGrace(Duration.ZERO);
        sidecar = TestSidecar.onLoopback(kept);
        HostClient host = HostClient.start(
                sidecar.channel,
                attention("s").build(),
                question -> question.getEvaluate().getEvaluationId() < 3 ? good(question) : null);
        SearchClient.await(() -> host.questions().size() == 3);
        sidecar.server.close();
        assertThat(host.failure().getStatus().getCode()).isEqualTo(Code.UNAVAILABLE);
        assertThat(host.failure()).hasMessageContaining("search_id \"s\" to go on from here");
        sidecar.close();

        sidecar = TestSidecar.onLoopback(kept);
        assertStored("s", SearchState.SEARCH_STATE_INTERRUPTED, "");
        HostClient resumed = HostClient.start(sidecar.channel, attention("s").build(), OnHostMisbehaviourTest::good);
        assertThat(resumed.summary().getSpent().getLossEvaluations()).isEqualTo(4);
        assertThat(resumed.questions()).hasSize(2);
    }

    // ---- the same id ----

    @Test
    void id_ofASearchThatRunsOnAHost_isTaken() {
        Semaphore turns = new Semaphore(1);
        HostClient first = HostClient.start(sidecar.channel, attention("s").build(), question -> {
            turns.acquire();
            return good(question);
        });
        SearchClient.await(() -> first.candidates().size() == 1);
        HostClient second = HostClient.start(sidecar.channel, attention("s").build(), OnHostMisbehaviourTest::good);

        assertThat(second.failure().getStatus().getCode()).isEqualTo(Code.ALREADY_EXISTS);
        assertThat(second.failure())
                .hasMessageContaining(
                        "search_id: \"s\" runs on the model of a host that listens to it (expected: a new id");
        assertThat(sidecar.state("s")).isEqualTo(SearchState.SEARCH_STATE_RUNNING);
        turns.release(100);
        assertThat(first.summary().getSpent().getLossEvaluations()).isEqualTo(4);
    }

    @Test
    void id_ofASearchThatIsDone_givesItsResultsWithoutAQuestion() {
        HostClient first = HostClient.start(sidecar.channel, attention("s").build(), OnHostMisbehaviourTest::good);
        first.summary();
        HostClient again = HostClient.start(
                sidecar.channel, attention("s").setModel("moved").setMaxBatch(4).build(), q -> null);
        again.halfClose();

        assertThat(again.summary().getBestList()).isEqualTo(first.summary().getBestList());
        assertThat(again.candidates()).isEqualTo(first.candidates());
        assertThat(again.questions()).isEmpty();
    }

    @Test
    void id_ofASearchOnAnotherModel_isRefused() {
        HostClient host = spoiled(attention("s").build(), answer -> answer.setError("enough"));
        host.failure();
        HostClient other =
                HostClient.start(sidecar.channel, attention("s").setModel("n").build(), OnHostMisbehaviourTest::good);

        assertThat(other.failure().getStatus().getCode()).isEqualTo(Code.FAILED_PRECONDITION);
        assertThat(other.failure())
                .hasMessageContaining(
                        "search_id: \"s\" cannot go on: the host's model is another, \"n\", than when it began"
                                + " (expected: \"m\" in start.model, or another search_id to begin anew)");
        HostStart.Builder otherwise = attention("s");
        otherwise.getRequestBuilder().setSeed(8);
        assertThat(HostClient.start(sidecar.channel, otherwise.build(), OnHostMisbehaviourTest::good)
                        .failure()
                        .getStatus()
                        .getCode())
                .isEqualTo(Code.ALREADY_EXISTS);
    }

    // ---- others beside ----

    @Test
    void slowHosts_leaveTheLaneToOthers() {
        Semaphore turns = new Semaphore(0);
        HostClient.Answering slow = question -> {
            turns.acquire();
            return good(question);
        };
        HostClient first = HostClient.start(sidecar.channel, attention("a").build(), slow);
        HostClient second = HostClient.start(sidecar.channel, pictures("v").build(), slow);
        SearchClient.await(
                () -> first.questions().size() == 1 && second.questions().size() == 1);

        assertThat(sidecar.search(TestSidecar.request(20).build())
                        .summary()
                        .getSpent()
                        .getLossEvaluations())
                .isEqualTo(20);
        assertThat(first.candidates()).isEmpty();
        turns.release(1000);
        assertThat(first.summary().getBestCount()).isEqualTo(1);
        assertThat(second.summary().getBestCount()).isEqualTo(1);
    }

    @Test
    void wallTime_countsTheWaitingForTheHost() {
        HostStart.Builder start = attention("s");
        start.getRequestBuilder()
                .getBudgetBuilder()
                .clear()
                .getWallTimeBuilder()
                .setNanos(300_000_000);
        HostClient host = HostClient.start(sidecar.channel, start.build(), question -> {
            Thread.sleep(100);
            return good(question);
        });

        assertThat(host.summary().getSpent().getLossEvaluations()).isBetween(1, 4);
    }

    @Test
    void host_thatReadsNoEvents_isAskedAllTheSame() {
        HostStart.Builder start = attention("s");
        start.clearNoiseShape()
                .addNoiseShape(1)
                .addNoiseShape(4)
                .addNoiseShape(64)
                .addNoiseShape(64);
        start.getRequestBuilder().getBudgetBuilder().setLossEvaluations(60);
        start.getRequestBuilder().getOutputBuilder().setNoise(Include.INCLUDE_ALL);
        HostClient host = HostClient.open(sidecar.channel, OnHostMisbehaviourTest::good, 2);
        host.send(OptimizeNoiseOnHostRequest.newBuilder().setStart(start).build());
        SearchClient.await(() -> host.messages().size() == 2);
        assertThat(sidecar.state("s")).isEqualTo(SearchState.SEARCH_STATE_RUNNING);
        host.read(Integer.MAX_VALUE);

        assertThat(host.summary().getSpent().getLossEvaluations()).isEqualTo(60);
        assertThat(host.candidates()).hasSize(60);
    }

    // ---- starts that cannot be used ----

    static Stream<Arguments> badStarts() {
        return Stream.of(
                badStart("start.request.backbone: \"x\" (expected: empty", s -> s.getRequestBuilder()
                        .setBackbone("x")),
                badStart(
                        "start.request.lora: 1 of them (expected: none",
                        s -> s.getRequestBuilder().addLoraBuilder().setName("ink")),
                badStart("start.request.prompt.conditioning: set (expected: not set", s -> s.getRequestBuilder()
                        .getPromptBuilder()
                        .getConditioningBuilder()
                        .setEmbeddings(tensor(new float[80], 1, 10, 8))),
                badStart(
                        "start.request.prompt.subjects: empty (expected: at least one with token_indices",
                        s -> s.getRequestBuilder().getPromptBuilder().clearSubjects()),
                badStart(
                        "start.request.prompt.subjects[1].token_indices: empty (expected: at least one",
                        s -> s.getRequestBuilder()
                                .getPromptBuilder()
                                .getSubjectsBuilder(1)
                                .clearTokenIndices()),
                badStart("start.request.strategy: not set", s -> s.getRequestBuilder()
                        .clearAttention()),
                badStart("start.noise_shape: [1, 4, 2] (expected: [1, C, H, W]", s -> s.clearNoiseShape()
                        .addNoiseShape(1)
                        .addNoiseShape(4)
                        .addNoiseShape(2)),
                badStart(
                        "start.noise_shape: [1, 4, 100000, 100000] (expected: at most 16777216 values)",
                        s -> s.setNoiseShape(2, 100000).setNoiseShape(3, 100000)),
                badStart(
                        "start.request.noise.shape: [1, 4, 2, 1] (expected: [1, 4, 2, 2], that of start.noise_shape)",
                        s -> s.getRequestBuilder().setNoise(tensor(new float[8], 1, 4, 2, 1))),
                badStart("start.max_batch: -1 (expected: >= 0)", s -> s.setMaxBatch(-1)),
                badStart("start.gradients: false (expected: true, which attention.optimize needs)", s -> {
                    s.setGradients(false);
                    s.getRequestBuilder().getAttentionBuilder().setOptimize(true);
                }),
                badStart("start.gradients: false (expected: true, which first-order search needs)", s -> {
                    judged(s, SearchAlgorithm.SEARCH_ALGORITHM_FIRST_ORDER).setGradients(false);
                }),
                badStart(
                        "start.sampler: not set (expected: set, as pictures are judged)",
                        s -> judged(s, SearchAlgorithm.SEARCH_ALGORITHM_RANDOM).clearSampler()),
                badStart(
                        "start.sampler.calls: 0 (expected: at least 1, or start.request.sampling.steps set)",
                        s -> judged(s, SearchAlgorithm.SEARCH_ALGORITHM_RANDOM)
                                .getSamplerBuilder()
                                .setCalls(0)),
                badStart(
                        "start.sampler.sigmas: empty (expected: at least 4",
                        s -> judged(s, SearchAlgorithm.SEARCH_ALGORITHM_PATHS)),
                badStart(
                        "start.sampler.prediction: \"epsilon\" (expected: \"eps\", \"v\" or \"flow\")",
                        s -> walking(s, "epsilon", 3, 2, 1, 0)),
                badStart("start.sampler.sigmas: 3 of them (expected: 4 to 1001)", s -> walking(s, "eps", 3, 2, 0)),
                badStart(
                        "start.sampler.sigmas[2]: 2.5 (expected: less than the one before, 2.0",
                        s -> walking(s, "eps", 3, 2, 2.5, 0)),
                badStart(
                        "start.sampler.sigmas[0]: 3.0 (expected: a flow's, 0 to 1)",
                        s -> walking(s, "flow", 3, 2, 1, 0)),
                badStart(
                        "start.sampler.sigmas[3]: 0.5 (expected: 0, where pictures end)",
                        s -> walking(s, "v", 3, 2, 1, 0.5)),
                badStart("start.request.verifier.verifiers[0].name: \"nobody\"", s -> {
                    judged(s, SearchAlgorithm.SEARCH_ALGORITHM_RANDOM)
                            .getRequestBuilder()
                            .getVerifierBuilder()
                            .getVerifiersBuilder(0)
                            .setName("nobody");
                }),
                badStart(
                        "start.request.budget.function_evaluations: 3 (expected: at least 5, those of one picture)",
                        s -> {
                            judged(s, SearchAlgorithm.SEARCH_ALGORITHM_RANDOM)
                                    .getRequestBuilder()
                                    .getBudgetBuilder()
                                    .clear()
                                    .setFunctionEvaluations(3);
                        }));
    }

    private static Arguments badStart(String message, Consumer<HostStart.Builder> spoil) {
        return Arguments.of(message, spoil);
    }

    private static HostStart.Builder judged(HostStart.Builder start, SearchAlgorithm algorithm) {
        start.clear().mergeFrom(pictures("").build());
        start.getRequestBuilder().getVerifierBuilder().setAlgorithm(algorithm);
        return start;
    }

    private static void walking(HostStart.Builder start, String prediction, double... sigmas) {
        judged(start, SearchAlgorithm.SEARCH_ALGORITHM_PATHS);
        start.getSamplerBuilder().setPrediction(prediction);
        Arrays.stream(sigmas).forEach(start.getSamplerBuilder()::addSigmas);
    }

    @ParameterizedTest
    @MethodSource("badStarts")
    void start_thatCannotBeUsed_isRefusedWithFieldAndExpectation(String message, Consumer<HostStart.Builder> spoil) {
        HostStart.Builder start = attention("");
        spoil.accept(start);
        HostClient host = HostClient.start(sidecar.channel, start.build(), OnHostMisbehaviourTest::good);

        assertThat(host.failure().getStatus().getCode()).isEqualTo(Code.INVALID_ARGUMENT);
        assertThat(host.failure()).hasMessageContaining(message);
        assertThat(host.questions()).isEmpty();
    }
}
