package dev.prenoise.verifier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.ConfigFile;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;
import dev.prenoise.text.TokenizedPrompt;
import dev.prenoise.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against the classes that were published with ImageReward, on a tiny one. */
class ImageRewardTest {
    private static final List<String> PROMPTS = List.of(
            "a tiger cat, asleep",
            "Un café déjà-vu: 猫 and dogs' unbelievable raincoat!",
            "a very long prompt ".repeat(12));

    @TempDir
    Path folder;

    @Test
    void bertVocabulary_splitsAsBertDoes() {
        try (Tokenizer tokenizer = Tokenizer.load(TinyNetworks.FOLDER.resolve("ImageReward"))) {
            for (int i = 0; i < PROMPTS.size(); i++) {
                TokenizedPrompt prompt = tokenizer.encode(PROMPTS.get(i), 35, 0);
                double[] expected = TinyNetworks.golden("bert.ids." + i);
                assertThat(prompt.ids().stream()
                                .limit(expected.length)
                                .mapToDouble(Integer::doubleValue)
                                .toArray())
                        .containsExactly(expected);
                assertThat(prompt.chunks().get(0).eosIndex()).isEqualTo(expected.length - 1);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"FLOAT64,1e-11", "FLOAT32,1e-4"})
    void rewards_ofNumbers_equalThePublishedClasses(DType type, double tolerance) {
        Path config = TinyNetworks.FOLDER.resolve("ImageReward/config.json");
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                Weights weights = TinyNetworks.weights("ImageReward/ImageReward.safetensors", type)) {
            ImageReward network = new ImageReward(ConfigFile.read(config), weights);
            for (int i = 0; i < PROMPTS.size(); i++) {
                long[] ids = Arrays.stream(TinyNetworks.golden("bert.ids." + i))
                        .mapToLong(id -> (long) id)
                        .toArray();
                double[] rewards = network.rewards(ids, network.tokens(TinyNetworks.numbers(28, type)))
                        .toDoubles();
                TinyNetworks.assertNear(rewards, "image-reward.numbers." + i, type, tolerance);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"FLOAT64,1e-4", "FLOAT32,1e-4"})
    void score_ofPictures_equalsThePublishedCode(DType type, double tolerance) {
        try (Verifier verifier = offer(TinyNetworks.FOLDER).opener().open(Compute.cpu(), type)) {
            for (int i = 0; i < PROMPTS.size(); i++) {
                try (Judge judge = verifier.judge(Question.of(PROMPTS.get(i)))) {
                    TinyNetworks.assertNear(judge.score(TinyNetworks.shots()), "image-reward." + i, type, tolerance);
                }
            }
        }
    }

    @Test
    void scoreTensor_gradientToThePicture_equalsFiniteDifferences() {
        try (Verifier verifier = offer(TinyNetworks.FOLDER).opener().open(Compute.cpu(), DType.FLOAT64);
                Judge judge = verifier.judge(Question.of(PROMPTS.get(0)));
                Scope scope = new Scope();
                GradMode on = GradMode.on()) {
            double[] values = new double[3 * 32 * 40];
            for (int i = 0; i < values.length; i++) {
                values[i] = (i * 7919L % 251) / 400.0 + 0.2;
            }
            Tensor image = Tensor.of(Compute.cpu(), values, 1, 3, 32, 40).requireGradient();
            judge.scoreTensor(image).sum().backward();
            double[] gradient = image.gradient().toDoubles();
            for (int at : new int[] {610, 1980, 3100}) {
                double slope = (moved(judge, values, at, 1e-4) - moved(judge, values, at, -1e-4)) / 2e-4;
                assertThat(gradient[at]).isCloseTo(slope, within(1e-5 + 1e-3 * Math.abs(slope)));
            }
            assertThat(gradient[1980]).isNotZero();
        }
    }

    private static double moved(Judge judge, double[] values, int at, double by) {
        double[] changed = values.clone();
        changed[at] += by;
        return judge.scoreTensor(Tensor.of(Compute.cpu(), changed, 1, 3, 32, 40))
                .toDoubles()[0];
    }

    @Test
    void judge_tokenizerOfAnotherNetwork_isRefused() throws IOException {
        copy("ImageReward.safetensors");
        copy("config.json");
        String words = Files.readString(TinyNetworks.FOLDER.resolve("ImageReward/vocab.txt"));
        Files.writeString(
                folder.resolve("vocab.txt"),
                words.replace("tiger", "pad") + "b\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\ntiger\n");
        try (Verifier verifier = offer(folder).opener().open(Compute.cpu(), DType.FLOAT32)) {
            assertThatThrownBy(() -> verifier.judge(Question.of("tiger")))
                    .isInstanceOf(VerifierException.class)
                    .hasMessage("image-reward: ids[1]: 45 (expected: 0 to 35; is it another network's tokenizer?)");
        }
    }

    @Test
    void offer_pickleAlone_saysHowToConvertIt() throws IOException {
        Path pickle = Files.writeString(folder.resolve("ImageReward.pt"), "");
        assertThat(offer(folder).problem())
                .isEqualTo(
                        pickle + " is a pickle, which can run code when it is read (expected: ImageReward.safetensors;"
                                + " src/tools/to_safetensors.py makes it of the pickle)");
    }

    @Test
    void offer_withoutATokenizer_saysWhatToPutWhere() throws IOException {
        copy("ImageReward.safetensors");
        assertThat(offer(folder).problem())
                .isEqualTo(
                        "its tokenizer is missing (expected: vocab.txt or tokenizer.json of google-bert/bert-base-uncased, in "
                                + folder + " or in a folder bert-base-uncased of a --verifiers DIR)");
        Path bert = Files.createDirectory(folder.resolve("bert-base-uncased"));
        Files.copy(TinyNetworks.FOLDER.resolve("ImageReward/vocab.txt"), bert.resolve("vocab.txt"));
        assertThat(offer(folder).problem()).isNull();
    }

    @Test
    void judge_vocabularyOfSomethingElse_namesTheFile() throws IOException {
        copy("ImageReward.safetensors");
        Path words = Files.writeString(folder.resolve("vocab.txt"), "a\nb\n");
        try (Verifier verifier = offer(folder).opener().open(Compute.cpu(), DType.FLOAT32)) {
            assertThatThrownBy(() -> verifier.judge(Question.of("tiger")))
                    .isInstanceOf(VerifierException.class)
                    .hasMessage(
                            "image-reward: " + words + ": no [PAD] (expected: a vocabulary of BERT's, a piece a line)");
        }
    }

    private static VerifierOffer offer(Path folder) {
        return new ImageRewardKind().offers(List.of(folder)).get(0);
    }

    private void copy(String name) throws IOException {
        Files.copy(TinyNetworks.FOLDER.resolve("ImageReward/" + name), folder.resolve(name));
    }
}
