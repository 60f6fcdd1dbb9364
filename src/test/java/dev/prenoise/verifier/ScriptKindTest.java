package dev.prenoise.verifier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.image.Picture;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScriptKindTest {
    private static final Path SCRIPTS = resource();
    private static final Shot GREY = new Shot(filled(30, 20, 90, 90, 90), null);
    private static final Shot RED = new Shot(filled(20, 30, 255, 0, 0), null);

    @TempDir
    Path folder;

    private static Path resource() {
        try {
            return Path.of(Objects.requireNonNull(ScriptKindTest.class.getResource("/verifier/scripts"))
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void score_ofTheExample_isItsFormula() throws IOException {
        copy("colourfulness");
        try (Verifier verifier = open("colourfulness");
                Judge judge = verifier.judge(Question.of("anything"))) {
            assertThat(verifier.loadedBytes()).isZero();
            double[] scores = judge.score(Collections.nCopies(9, RED));
            assertThat(scores).hasSize(9);
            // no spread; red - green 255, (red + green) / 2 - blue 127.5
            assertThat(scores[8]).isCloseTo(0.3 * Math.hypot(255, 127.5), within(1e-3));
            assertThat(judge.score(List.of(GREY, RED))[0]).isCloseTo(0, within(1e-3));
            assertThat(verifier.loadedBytes()).isPositive();
            assertThat(verifier.unload()).isPositive();
            assertThat(verifier.loadedBytes()).isZero();
            assertThat(judge.score(List.of(RED))[0]).isCloseTo(scores[8], within(1e-9));
        }
    }

    @Test
    void score_ofAScriptThatReadsText_readsIdsAndMask() throws IOException {
        copy("agreement");
        copyWords();
        assertThat(offer("agreement").readsPrompt()).isTrue();
        assertThat(offer("agreement").differentiable()).isTrue();
        try (Verifier verifier = open("agreement");
                Judge judge = verifier.judge(Question.of("a tiger cat"))) {
            // red (1 - .5) / .25, green and blue (0 - .5) / .25; [CLS] a tiger cat [SEP] = 2 + 5 + 8 + 9 + 3; 12 places
            double expected = (0.5 * 2 - 0.25 * -2 + 2.0 * -2) * 27 + 12;
            assertThat(judge.score(List.of(GREY, RED))[1]).isCloseTo(expected, within(1e-3));
        }
    }

    @Test
    void scoreTensor_gradientToThePicture_isTheFormulas() throws IOException {
        copy("agreement");
        copyWords();
        try (Verifier verifier = open("agreement");
                Judge judge = verifier.judge(Question.of("a tiger cat"));
                Scope scope = new Scope();
                GradMode on = GradMode.on()) {
            float[] values = new float[3 * 16 * 16];
            Arrays.fill(values, 0.5f);
            Tensor image = Tensor.of(Compute.cpu(), values, 1, 3, 16, 16).requireGradient();
            judge.scoreTensor(image).sum().backward();
            float[] gradient = image.gradient().toFloats();
            assertThat(gradient[7]).isCloseTo(0.5f / 0.25f * 27 / 256, within(1e-5f));
            assertThat(gradient[300]).isCloseTo(-0.25f / 0.25f * 27 / 256, within(1e-5f));
        }
    }

    @Test
    void embedding_isComparedWithThePredictions() throws IOException {
        copy("means");
        try (Verifier verifier = open("means");
                Judge judge = verifier.judge(Question.of(""))) {
            assertThat(judge.readsPrediction()).isTrue();
            double[] scores = judge.score(List.of(
                    new Shot(RED.picture(), RED.picture()), new Shot(RED.picture(), filled(9, 9, 0, 255, 255))));
            assertThat(scores[0]).isCloseTo(1, within(1e-6));
            assertThat(scores[1]).isCloseTo(-1, within(1e-6));
        }
    }

    @Test
    void score_ofAScriptThatGivesSomethingElse_namesTheFile() throws IOException {
        copy("three-scores");
        try (Verifier verifier = open("three-scores");
                Judge judge = verifier.judge(Question.of(""))) {
            assertThatThrownBy(() -> judge.score(List.of(RED, GREY)))
                    .isInstanceOf(VerifierException.class)
                    .hasMessage("three-scores: " + folder.resolve("three-scores.pt")
                            + ": forward gives [1, 3] for a batch of 1 (expected: [1] or [1, 1])");
        }
    }

    @Test
    void score_thatIsNoNumber_isNotJudgedAndSaysSo() throws IOException {
        copy("endless");
        try (Verifier verifier = open("endless");
                Judge judge = verifier.judge(Question.of(""))) {
            double[] scores = judge.score(List.of(GREY, RED));
            assertThat(scores[0]).isNaN();
            assertThat(scores[1]).isCloseTo(1 / 0.5, within(1e-6));
            assertThat(judge.warnings())
                    .containsExactly("endless: 1 pictures were not judged: the network gave no finite number for them");
        }
    }

    @Test
    void files_areTheCardAndTheScript() throws IOException {
        copy("means");
        try (Verifier verifier = open("means")) {
            assertThat(verifier.files())
                    .containsExactly(folder.resolve("means.verifier.json"), folder.resolve("means.pt"));
            assertThat(verifier.bytes()).isEqualTo(Files.size(folder.resolve("means.pt")));
        }
    }

    @Test
    void score_ofAScriptThatFails_namesTheFileAndSaysWhy() throws IOException {
        copy("failing");
        try (Verifier verifier = open("failing");
                Judge judge = verifier.judge(Question.of(""))) {
            assertThatThrownBy(() -> judge.score(List.of(RED)))
                    .isInstanceOf(VerifierException.class)
                    .hasMessageStartingWith("failing: " + folder.resolve("failing.pt") + ": forward failed: ")
                    .hasMessageContaining("four channels, please");
        }
    }

    @Test
    void score_ofAFileThatIsNoScript_namesIt() throws IOException {
        copy("means");
        Path script = Files.writeString(folder.resolve("means.pt"), "no script");
        try (Verifier verifier = open("means");
                Judge judge = verifier.judge(Question.of(""))) {
            assertThatThrownBy(() -> judge.score(List.of(new Shot(RED.picture(), RED.picture()))))
                    .isInstanceOf(VerifierException.class)
                    .hasMessageStartingWith("means: " + script + ": cannot be loaded as TorchScript: ");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{}|size: null (expected: pixels of a side, 1 to 4096)",
                "{'size': 8, 'resize': 'stretch'}|resize: \"stretch\" (expected: shorter_side or exact)",
                "{'size': 8, 'filter': 'box'}|filter: \"box\" (expected: bilinear, bicubic or lanczos)",
                "{'size': 8, 'mean': [0, 0]}|mean: [0,0] (expected: three numbers, of red, green and blue)",
                "{'size': 8, 'mean': [0, 0, 0], 'std': [1, 0, 1]}"
                        + "|std: [1,0,1] (expected: three numbers, of red, green and blue, none of them 0)",
                "{'output': 'text'}|output: \"text\" (expected: score or embedding)",
                "{'name': 'My own'}|name: \"My own\" (expected: small letters, digits, '.', '_', '-', 63 at most)",
                "{'text': {'tokenizer': '../up', 'length': 9}}"
                        + "|text.tokenizer: \"../up\" (expected: a folder with a tokenizer's files, beside the card)",
                "{'filter': 'lanczos', 'differentiable': true}"
                        + "|filter: \"lanczos\" (expected: bilinear or bicubic where the script is differentiable)"
            })
    void offer_ofABrokenCard_saysWhatIsWrong(String card, String problem) throws IOException {
        Path file = Files.writeString(folder.resolve("mine.verifier.json"), card.replace('\'', '"'));
        Files.writeString(folder.resolve("mine.pt"), "");
        assertThat(offer("mine").problem()).isEqualTo(file + ": " + problem);
    }

    @Test
    void offer_withoutItsScript_saysWhereItBelongs() throws IOException {
        copy("means");
        Files.delete(folder.resolve("means.pt"));
        assertThat(offer("means").problem())
                .isEqualTo(
                        folder.resolve("means.pt")
                                + ": missing (expected: the TorchScript that means.verifier.json describes, there or as means.ts)");
    }

    @Test
    void offers_twoCardsOfOneName_secondIsRefused() throws IOException {
        copy("means");
        Path below = Files.createDirectory(folder.resolve("below"));
        Files.copy(folder.resolve("means.pt"), below.resolve("means.pt"));
        Files.copy(folder.resolve("means.verifier.json"), below.resolve("means.verifier.json"));
        List<VerifierOffer> offers = new ScriptKind().offers(List.of(folder));
        assertThat(offers).hasSize(2);
        assertThat(offers.get(0).problem()).isNull();
        assertThat(offers.get(1).problem())
                .isEqualTo(below.resolve("means.verifier.json")
                        + ": name: \"means\" (expected: one that no other card has)");
    }

    private Verifier open(String name) {
        VerifierOffer offer = offer(name);
        assertThat(offer.problem()).isNull();
        return offer.opener().open(Compute.cpu(), DType.FLOAT32);
    }

    private VerifierOffer offer(String name) {
        return new ScriptKind()
                .offers(List.of(folder)).stream()
                        .filter(offer -> offer.name().equals(name))
                        .findFirst()
                        .orElseThrow();
    }

    private void copy(String name) throws IOException {
        for (String file : List.of(name + ".pt", name + ".verifier.json")) {
            Files.copy(SCRIPTS.resolve(file), folder.resolve(file));
        }
    }

    private void copyWords() throws IOException {
        Path words = Files.createDirectory(folder.resolve("words"));
        Files.copy(TinyNetworks.FOLDER.resolve("ImageReward/vocab.txt"), words.resolve("vocab.txt"));
    }

    private static Picture filled(int width, int height, int red, int green, int blue) {
        byte[] rgb = new byte[width * height * 3];
        for (int i = 0; i < rgb.length; i += 3) {
            rgb[i] = (byte) red;
            rgb[i + 1] = (byte) green;
            rgb[i + 2] = (byte) blue;
        }
        return new Picture(width, height, rgb);
    }
}
