package dev.prenoise.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import dev.prenoise.image.Picture;
import dev.prenoise.image.Png;
import dev.prenoise.server.SearchClient;
import dev.prenoise.server.TestSidecar;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.v1.GetCapabilitiesRequest;
import dev.prenoise.v1.ImageScore;
import dev.prenoise.v1.NoiseProviderGrpc;
import dev.prenoise.v1.ScoreImagesRequest;
import dev.prenoise.v1.ScoreImagesResponse;
import dev.prenoise.v1.Verifier;
import dev.prenoise.v1.VerifierInfo;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Over a real connection, on verifiers without networks. */
class ScoreImagesTest {
    /** The engine's, which Pillow made. */
    private static final Path FILES = Path.of("../src/test/resources/image/files");

    private final TestSidecar sidecar = TestSidecar.onLoopback(SidecarConfig.DEFAULT);

    @AfterEach
    void close() {
        sidecar.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"rgb.png", "grey.jpg", "420.jpg", "progressive.jpg", "lossy.webp", "lossless_alpha.webp"})
    void scoreImages_everyFormat_isRead(String name) throws IOException {
        ScoreImagesResponse response = score(request("bright").addImages(file(name)));

        assertThat(response.getScores(0).getScoresOrThrow("bright")).isBetween(60.0, 200.0);
    }

    @Test
    void scoreImages_twoVerifiersThatDisagree_areWeighed() {
        ScoreImagesRequest.Builder request =
                request("bright", "dark").addAllImages(List.of(grey(10), grey(30), grey(20)));
        request.getVerifiersBuilder(1).setWeight(3);

        ScoreImagesResponse response = score(request);

        assertThat(response.getScoresList())
                .extracting(score -> score.getScoresOrThrow("bright"))
                .containsExactly(10.0, 30.0, 20.0);
        // dark weighs three times as much: the darkest beats two thirds and half of itself by it
        assertThat(response.getScoresList())
                .extracting(ImageScore::getEnsemble)
                .containsExactly((3 * 2.5 + 0.5) / 12, (3 * 0.5 + 2.5) / 12, 0.5);
    }

    @Test
    void scoreImages_oneOfThemCannotBeJudged_isNaNWithAWarning() {
        ScoreImagesResponse response = score(request("picky").addAllImages(List.of(grey(11), grey(10))));

        assertThat(response.getScores(0).getScoresOrThrow("picky")).isNaN();
        assertThat(response.getScores(0).getEnsemble()).isNaN();
        assertThat(response.getScores(1).getEnsemble()).isEqualTo(0.75);
        assertThat(response.getWarningsList()).containsExactly("picky: odd pictures are not judged");
    }

    @Test
    void scoreImages_alias_isAnsweredByItsName() {
        ScoreImagesResponse response = score(request("clip").setPrompt("a cat").addImages(grey(10)));

        assertThat(response.getScores(0).getScoresMap()).containsExactly(java.util.Map.entry("red", 15.0));
        assertThat(sidecar.catalog.verifiers.questions.get(0).prompt()).isEqualTo("a cat");
    }

    @Test
    void scoreImages_asManyAsTheLimit_areScoredInOrder() {
        List<ByteString> images = java.util.stream.IntStream.range(0, 64)
                .mapToObj(ScoreImagesTest::grey)
                .toList();

        ScoreImagesResponse response = score(request("bright", "far").addAllImages(images));

        for (int i = 0; i < 64; i++) {
            assertThat(response.getScores(i).getScoresOrThrow("bright")).isEqualTo(i);
            assertThat(response.getScores(i).getScoresOrThrow("far")).isEqualTo(i);
        }
        SearchClient.await(() -> sidecar.catalog.verifiers.openJudges.get() == 0);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "empty|empty (expected: a PNG, JPEG or WebP file)",
                "text|bytes that start with 68656c6c6f (expected: a PNG, JPEG or WebP file)",
                "cut|a JPEG that breaks off within",
                "huge|a PNG of 100000 x 100000 pixels (expected: at most 16777216 pixels)",
                "animated|an animated WebP (expected: one picture)"
            })
    void scoreImages_imageThatCannotBeRead_isNamedByItsIndex(String kind, String message) throws IOException {
        ByteString broken =
                switch (kind) {
                    case "empty" -> ByteString.EMPTY;
                    case "text" -> ByteString.copyFromUtf8("hello");
                    case "cut" -> file("420.jpg").substring(0, 500);
                    case "huge" -> huge();
                    default -> file("animated.webp");
                };

        var violations = violations(request("bright").addImages(grey(1)).addImages(broken));

        assertThat(violations).hasSize(1);
        assertThat(violations.get(0)).startsWith("images[1]: " + message);
    }

    @Test
    void scoreImages_picturesThatAreTooManyPixelsTogether_areRefused() {
        byte[] white = Png.encode(new Picture(4000, 4000, new byte[48_000_000]));

        assertThat(violations(request("bright").addAllImages(Collections.nCopies(5, ByteString.copyFrom(white)))))
                .containsExactly("images: 80000000 pixels up to images[4] (expected: at most 67108864 altogether)");
    }

    @Test
    void scoreImages_strip_isRefused() {
        byte[] strip = Png.encode(new Picture(1, 101, new byte[303]));

        assertThat(violations(request("bright").addImages(grey(1)).addImages(ByteString.copyFrom(strip))))
                .containsExactly("images[1]: 1 x 101 pixels (expected: the longer side at most 100 times the shorter)");
    }

    @Test
    void scoreImages_everythingWrong_isToldAtOnce() {
        ScoreImagesRequest.Builder request = ScoreImagesRequest.newBuilder().setPrompt("x".repeat(8193));
        request.addVerifiersBuilder().setName("bright").setWeight(-1);

        assertThat(violations(request))
                .containsExactly(
                        "images: empty (expected: at least one)",
                        "prompt: 8193 characters (expected: at most 8192)",
                        "verifiers[0].weight: -1.0 (expected: 0 to 1000000)");
    }

    @Test
    void scoreImages_tooMany_isRefused() {
        assertThat(violations(request("bright").addAllImages(Collections.nCopies(65, ByteString.EMPTY))))
                .containsExactly("images: 65 of them (expected: at most 64)");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ugly|verifiers[1].name: \"ugly\" (expected: one of those there are)",
                "aesthetic-l14|verifiers[1].name: \"aesthetic-l14\" cannot be used: no files: put them into DIR",
                "bright|verifiers[1].name: \"bright\" is bright (expected: each verifier once)",
                "red|prompt: \"\" (expected: the prompt, which the verifier red reads)"
            })
    void scoreImages_verifierThatCannotBeUsedSo_isNamed(String name, String message) {
        assertThat(violations(request("bright", name).addImages(grey(1)))).containsExactly(message);
    }

    @Test
    void scoreImages_labelOfAVerifierThatIsNoClassifier_isRefused() {
        ScoreImagesRequest.Builder request = request("red").addImages(grey(1));
        request.getVerifiersBuilder(0).setLabel("tabby");

        assertThat(violations(request))
                .containsExactly("verifiers[0].label: \"tabby\" (expected: empty, as red is no classifier; those that"
                        + " take one: bright, sorter)");
    }

    @Test
    void scoreImages_labelOfAClassifierThatReadsThePrompt_standsForIt() {
        ScoreImagesRequest.Builder request = request("sorter").addImages(grey(1));
        assertThat(violations(request))
                .containsExactly("prompt: \"\" (expected: the prompt, which the verifier sorter reads)");

        request.getVerifiersBuilder(0).setLabel("tabby");
        assertThat(score(request).getScoresCount()).isEqualTo(1);
    }

    @Test
    void scoreImages_labelThatAVerifierDoesNotKnow_isNamed() {
        ScoreImagesRequest.Builder request = request("bright").addImages(grey(1));
        request.getVerifiersBuilder(0).setLabel("unicorn");

        assertThat(violations(request)).containsExactly("verifiers[0].label: \"unicorn\" (expected: one of cat, frog)");
    }

    @Test
    void scoreImages_cancelledWhileAnotherMachineIsWaitedFor_stops() {
        sidecar.catalog.verifiers.farAnswers = false;
        var call = NoiseProviderGrpc.newFutureStub(sidecar.channel)
                .scoreImages(request("far").addImages(grey(1)).build());
        SearchClient.await(() -> sidecar.catalog.verifiers.openJudges.get() == 1);

        call.cancel(true);

        SearchClient.await(() -> sidecar.catalog.verifiers.openJudges.get() == 0);
    }

    @Test
    void scoreImages_verifierThatHasMuchToRead_letsOthersBetweenAndCanBeCancelled() {
        sidecar.catalog.verifiers.toPrepare = Integer.MAX_VALUE;
        var call = NoiseProviderGrpc.newFutureStub(sidecar.channel)
                .scoreImages(
                        request("sorter").setPrompt("a cat").addImages(grey(1)).build());
        SearchClient.await(() -> sidecar.catalog.verifiers.prepared.get() > 2);
        assertThat(score(request("bright").addImages(grey(7))).getScoresCount()).isEqualTo(1);

        call.cancel(true);

        SearchClient.await(() -> {
            int before = sidecar.catalog.verifiers.prepared.get();
            score(request("bright").addImages(grey(7)));
            score(request("bright").addImages(grey(7)));
            return sidecar.catalog.verifiers.prepared.get() == before;
        });
        int done = sidecar.catalog.verifiers.prepared.get();
        sidecar.catalog.verifiers.toPrepare = done + 3;
        score(request("sorter").setPrompt("a cat").addImages(grey(1)));
        assertThat(sidecar.catalog.verifiers.prepared)
                .as("what was read stays read")
                .hasValue(done + 3);
    }

    /** Waiting calls hold whole requests. */
    @Test
    void scoreImages_moreThanMayWait_areAskedToComeBack() throws Exception {
        sidecar.catalog.verifiers.farAnswers = false;
        ScoreImagesRequest request = request("far").addImages(grey(1)).build();
        var stub = NoiseProviderGrpc.newFutureStub(sidecar.channel);
        var calls = java.util.stream.IntStream.range(0, 13)
                .mapToObj(i -> stub.scoreImages(request))
                .toList();
        SearchClient.await(() -> calls.stream().anyMatch(java.util.concurrent.Future::isDone));

        sidecar.catalog.verifiers.farAnswers = true;

        int refused = 0;
        for (var call : calls) {
            try {
                assertThat(call.get(10, TimeUnit.SECONDS).getScoresCount()).isEqualTo(1);
            } catch (java.util.concurrent.ExecutionException e) {
                assertThat(e.getCause())
                        .hasMessage(
                                "RESOURCE_EXHAUSTED: 8 calls of ScoreImages are waiting, which is as many as this sidecar takes; "
                                        + "try again in 5 s");
                refused++;
            }
        }
        assertThat(refused).isEqualTo(1);
    }

    /** Capabilities are asked on the threads that a waiting ScoreImages must not hold. */
    @Test
    void getCapabilities_whilePicturesAreJudgedElsewhere_answers() throws Exception {
        sidecar.catalog.verifiers.farAnswers = false;
        var stub = NoiseProviderGrpc.newFutureStub(sidecar.channel);
        var calls = java.util.stream.IntStream.range(0, 4)
                .mapToObj(
                        i -> stub.scoreImages(request("far").addImages(grey(1)).build()))
                .toList();
        SearchClient.await(() -> sidecar.catalog.verifiers.openJudges.get() == 4);

        var capabilities = stub.getCapabilities(GetCapabilitiesRequest.getDefaultInstance())
                .get(10, TimeUnit.SECONDS);

        assertThat(capabilities.getVerifiersList())
                .contains(
                        VerifierInfo.newBuilder()
                                .setName("red")
                                .setTitle("red")
                                .setAvailable(true)
                                .setReadsPrompt(true)
                                .build(),
                        VerifierInfo.newBuilder()
                                .setName("aesthetic-l14")
                                .setTitle("beauty")
                                .setReason("no files: put them into DIR")
                                .setDifferentiable(true)
                                .build());
        assertThat(capabilities.getLimits().getImages()).isEqualTo(64);
        assertThat(capabilities.getLimits().getImagePixels()).isEqualTo(1 << 24);
        calls.forEach(call -> call.cancel(true));
    }

    private ScoreImagesResponse score(ScoreImagesRequest.Builder request) {
        return sidecar.client().scoreImages(request.build());
    }

    private List<String> violations(ScoreImagesRequest.Builder request) {
        StatusRuntimeException e = catchThrowableOfType(StatusRuntimeException.class, () -> score(request));
        assertThat(e).isNotNull();
        return TestSidecar.violations(e).stream()
                .map(violation -> violation.getField() + ": " + violation.getDescription())
                .toList();
    }

    private static ScoreImagesRequest.Builder request(String... verifiers) {
        return ScoreImagesRequest.newBuilder()
                .addAllVerifiers(Arrays.stream(verifiers)
                        .map(name -> Verifier.newBuilder().setName(name).build())
                        .toList());
    }

    private static ByteString grey(int level) {
        byte[] rgb = new byte[5 * 3 * 3];
        Arrays.fill(rgb, (byte) level);
        return ByteString.copyFrom(Png.encode(new Picture(5, 3, rgb)));
    }

    private static ByteString huge() {
        byte[] png = Png.encode(new Picture(5, 3, new byte[45]));
        ByteBuffer.wrap(png).putInt(16, 100_000).putInt(20, 100_000);
        return ByteString.copyFrom(png);
    }

    private static ByteString file(String name) throws IOException {
        return ByteString.copyFrom(Files.readAllBytes(FILES.resolve(name)));
    }
}
