package dev.prenoise.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.image.Picture;
import dev.prenoise.server.SearchClient;
import dev.prenoise.server.TestSidecar;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.v1.NoiseProviderGrpc;
import dev.prenoise.v1.ScoreImagesRequest;
import dev.prenoise.v1.ScoreImagesResponse;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Question;
import dev.prenoise.verifier.Shot;
import dev.prenoise.verifier.Verifier;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RemoteVerifierTest {
    private final String name = "far-" + UUID.randomUUID();
    private final List<ScoreImagesRequest> requests = new CopyOnWriteArrayList<>();
    private final AtomicBoolean cancelled = new AtomicBoolean();

    /** What the other side does. */
    private volatile BiConsumer<ScoreImagesRequest, StreamObserver<ScoreImagesResponse>> answer =
            (request, response) -> {
                ScoreImagesResponse.Builder scores = ScoreImagesResponse.newBuilder();
                for (int i = 0; i < request.getImagesCount(); i++) {
                    scores.addScoresBuilder().putScores("clip-l14", i + 1);
                }
                response.onNext(scores.build());
                response.onCompleted();
            };

    private Server server;

    @BeforeEach
    void start() throws Exception {
        server = InProcessServerBuilder.forName(name)
                .maxInboundMessageSize(4 << 20)
                .addService(new NoiseProviderGrpc.NoiseProviderImplBase() {
                    @Override
                    public void scoreImages(ScoreImagesRequest request, StreamObserver<ScoreImagesResponse> response) {
                        ((ServerCallStreamObserver<ScoreImagesResponse>) response)
                                .setOnCancelHandler(() -> cancelled.set(true));
                        requests.add(request);
                        answer.accept(request, response);
                    }
                })
                .build()
                .start();
    }

    @AfterEach
    void stop() {
        server.shutdownNow();
    }

    @Test
    void score_ofAServerThatFailsAgainAndAgain_isNotAskedForAWhile() {
        answer = (request, response) -> response.onError(Status.UNAVAILABLE.asRuntimeException());
        try (Verifier verifier = verifier();
                Judge judge = verifier.judge(Question.of("a cat"))) {
            for (int i = 0; i < 10; i++) {
                assertThat(judge.score(shots(1))).containsExactly(Double.NaN);
            }
            assertThat(requests).hasSize(RemotePause.FAILURES);
            assertThat(judge.warnings()).hasSize(2).anySatisfy(warning -> assertThat(warning)
                    .startsWith("mine: 7 pictures were not judged by far:1: ")
                    .endsWith("it was not asked, as 3 calls in a row had failed less than 30 s before"));
            try (Judge other = verifier.judge(Question.of("a dog"))) {
                other.score(shots(1));
            }
            assertThat(requests).as("nor by another search").hasSize(RemotePause.FAILURES);
        }
    }

    @Test
    void score_serverThatAnswers_isItsNumbers() {
        try (Verifier verifier = verifier();
                Judge judge = verifier.judge(new Question("a cat", "tabby", "be kind"))) {
            assertThat(judge.score(shots(3))).containsExactly(1, 2, 3);

            assertThat(judge.warnings()).isEmpty();
            assertThat(judge.remote()).isTrue();
            ScoreImagesRequest request = requests.get(0);
            assertThat(request.getPrompt()).isEqualTo("a cat");
            assertThat(request.getVerifiers(0).getName()).isEqualTo("clip");
            assertThat(request.getVerifiers(0).getLabel()).isEqualTo("tabby");
            assertThat(request.getVerifiers(0).getInstructions()).isEqualTo("be kind");
        }
    }

    @Test
    void score_manyLargePictures_areSentInCallsThatOthersTake() {
        byte[] noise = new byte[512 * 512 * 3];
        new Random(1).nextBytes(noise);
        try (Verifier verifier = verifier();
                Judge judge = verifier.judge(Question.of(""))) {
            double[] scores = judge.score(Collections.nCopies(9, new Shot(new Picture(512, 512, noise), null)));

            assertThat(scores).doesNotContain(Double.NaN);
            assertThat(requests).hasSizeGreaterThan(1).allMatch(request -> request.getSerializedSize() < 4 << 20);
            assertThat(requests.stream()
                            .mapToInt(ScoreImagesRequest::getImagesCount)
                            .sum())
                    .isEqualTo(9);
        }
    }

    @Test
    void score_serverThatErrs_isNaNWithItsWords() {
        answer = (request, response) -> response.onError(Status.INVALID_ARGUMENT
                .withDescription("verifiers[0].name: \"clip\" (expected: one of ...)")
                .asRuntimeException());
        try (Verifier verifier = verifier();
                Judge judge = verifier.judge(Question.of(""))) {
            assertThat(judge.score(shots(2))).containsOnly(Double.NaN);
            assertThat(judge.score(shots(1))).containsOnly(Double.NaN);

            assertThat(judge.warnings())
                    .containsExactly(
                            "mine: 3 pictures were not judged by far:1: INVALID_ARGUMENT, verifiers[0].name: \"clip\" "
                                    + "(expected: one of ...)");
        }
    }

    @Test
    void score_nobodyThere_isNaN() {
        server.shutdownNow();
        try (Verifier verifier = verifier();
                Judge judge = verifier.judge(Question.of(""))) {
            assertThat(judge.score(shots(1))).containsOnly(Double.NaN);

            assertThat(judge.warnings()).singleElement().asString().contains("not judged by far:1: UNAVAILABLE");
        }
    }

    @Test
    void score_serverThatHangs_isNaNAfterTheDeadline() {
        answer = (request, response) -> {};
        try (Verifier verifier = verifier(Duration.ofMillis(200));
                Judge judge = verifier.judge(Question.of(""))) {
            assertThat(judge.score(shots(1))).containsOnly(Double.NaN);

            assertThat(judge.warnings())
                    .containsExactly("mine: 1 picture was not judged by far:1: it did not answer within 0.2 s");
        }
    }

    @Test
    void score_stoppedWhileTheServerHangs_cancelsTheCall() {
        answer = (request, response) -> {};
        try (Verifier verifier = verifier();
                Judge judge = verifier.judge(Question.of(""))) {
            assertThatThrownBy(() -> judge.score(shots(1), () -> !requests.isEmpty()))
                    .isInstanceOf(CancellationException.class);

            SearchClient.await(cancelled::get);
        }
    }

    @Test
    void score_wrongCount_isNaNForAllOfTheCall() {
        answer = (request, response) -> {
            response.onNext(ScoreImagesResponse.newBuilder()
                    .addScores(dev.prenoise.v1.ImageScore.newBuilder().putScores("clip", 1))
                    .build());
            response.onCompleted();
        };
        try (Verifier verifier = verifier();
                Judge judge = verifier.judge(Question.of(""))) {
            assertThat(judge.score(shots(2))).containsOnly(Double.NaN);

            assertThat(judge.warnings())
                    .containsExactly("mine: 2 pictures were not judged by far:1: it answered 1 scores (expected: 2)");
        }
    }

    @Test
    void score_scoreThatIsMissingOrInfinite_isNaNForThatPicture() {
        answer = (request, response) -> {
            ScoreImagesResponse.Builder scores = ScoreImagesResponse.newBuilder();
            scores.addScoresBuilder();
            scores.addScoresBuilder().putScores("clip", Double.POSITIVE_INFINITY);
            scores.addScoresBuilder().putScores("other", 1).putScores("clip", 5);
            response.onNext(scores.build());
            response.onCompleted();
        };
        try (Verifier verifier = verifier();
                Judge judge = verifier.judge(Question.of(""))) {
            assertThat(judge.score(shots(3))).containsExactly(Double.NaN, Double.NaN, 5);

            assertThat(judge.warnings())
                    .containsExactly("mine: 2 pictures were not judged by far:1: it answered no finite score of clip");
        }
    }

    /** The other side is a whole sidecar. */
    @Test
    void score_anotherSidecar_isWhatItsVerifierSays() {
        try (TestSidecar other = TestSidecar.inProcess(SidecarConfig.DEFAULT);
                Verifier verifier = RemoteVerifier.offer(
                                "mine", "picky", "far:1", () -> other.channel, Duration.ofSeconds(10))
                        .opener()
                        .open(Compute.cpu(), DType.FLOAT32);
                Judge judge = verifier.judge(Question.of(""))) {
            assertThat(judge.score(shots(3))).containsExactly(0, Double.NaN, 2);

            assertThat(judge.warnings())
                    .containsExactly("mine: 1 picture was not judged by far:1: picky: odd pictures are not judged");
        }
    }

    private Verifier verifier() {
        return verifier(Duration.ofSeconds(10));
    }

    private Verifier verifier(Duration deadline) {
        ManagedChannel channel = InProcessChannelBuilder.forName(name).build();
        return RemoteVerifier.offer("mine", "clip", "far:1", () -> channel, deadline)
                .opener()
                .open(Compute.cpu(), DType.FLOAT32);
    }

    private static List<Shot> shots(int count) {
        return java.util.stream.IntStream.range(0, count)
                .mapToObj(i -> {
                    byte[] rgb = new byte[12];
                    Arrays.fill(rgb, (byte) i);
                    return new Shot(new Picture(2, 2, rgb), null);
                })
                .toList();
    }
}
