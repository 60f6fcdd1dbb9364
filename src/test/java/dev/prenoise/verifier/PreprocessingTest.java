package dev.prenoise.verifier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import dev.prenoise.image.CropRule;
import dev.prenoise.image.Filter;
import dev.prenoise.image.Picture;
import dev.prenoise.image.TestPictures;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvFileSource;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PreprocessingTest {
    private static final List<Double> ZERO = List.of(0.0, 0.0, 0.0);
    private static final List<Double> ONE = List.of(1.0, 1.0, 1.0);

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvFileSource(resources = "/verifier/preprocessing/golden.csv")
    void of_configsOfEveryForm_equalsTransformersBitForBit(
            String config, int width, int height, int newWidth, int newHeight, String hash) throws Exception {
        Preprocessing preprocessing = Preprocessing.read(resource(config));
        try (var scope = new Scope()) {
            Tensor values = preprocessing.of(Compute.cpu(), List.of(TestPictures.drawn(width, height)));

            assertThat(values.shape()).containsExactly(1, 3, newHeight, newWidth);
            assertThat(sha256(values)).isEqualTo(hash);
        }
    }

    @Test
    void read_configOfClip_isTheConstant() throws Exception {
        assertThat(Preprocessing.read(resource("clip"))).isEqualTo(Preprocessing.CLIP);
        assertThat(Preprocessing.read(resource("clip_old"))).isEqualTo(Preprocessing.CLIP);
    }

    @Test
    void of_severalPictures_keepsTheirOrder() {
        Picture first = TestPictures.drawn(37, 23);
        Picture second = TestPictures.drawn(23, 37);
        try (var scope = new Scope()) {
            Tensor both = Preprocessing.CLIP.of(Compute.cpu(), List.of(first, second));

            assertThat(both.narrow(0, 1, 1).toFloats())
                    .isEqualTo(Preprocessing.CLIP
                            .of(Compute.cpu(), List.of(second))
                            .toFloats());
        }
    }

    @Test
    void of_picturesThatComeOutInSeveralSizes_namesTheSecond() {
        var preprocessing = new Preprocessing(new Preprocessing.ShorterSide(8, Filter.BILINEAR), null, ZERO, ONE);

        assertThatThrownBy(() -> preprocessing.of(
                        Compute.cpu(), List.of(TestPictures.drawn(20, 10), TestPictures.drawn(10, 10))))
                .hasMessage("pictures[1]: 8 x 8 (expected: 16 x 8 as the first)");
    }

    /**
     * How far whole bytes between the steps are from fractions, in bytes: what docs/verifiers.md says of the resize filters. The pictures
     * have every kind of edge, which is the worst case.
     */
    @ParameterizedTest
    @CsvSource({"BILINEAR,512,1.00", "BILINEAR,97,1.00", "BICUBIC,512,1.01", "BICUBIC,97,1.06"})
    void ofTensor_differsFromBytesByRoundingAlone(Filter filter, int side, double bytes) {
        var preprocessing = new Preprocessing(new Preprocessing.Exact(224, 224, filter), null, ZERO, ONE);
        Picture picture = TestPictures.drawn(side, side);
        try (var scope = new Scope()) {
            float[] whole = preprocessing.of(Compute.cpu(), List.of(picture)).toFloats();
            float[] fractions = preprocessing.ofTensor(tensor(picture)).toFloats();

            double largest = 0;
            for (int i = 0; i < whole.length; i++) {
                largest = Math.max(largest, Math.abs(whole[i] - fractions[i]) * 255);
            }
            assertThat(largest).isLessThan(bytes).isGreaterThan(0.4);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "TRANSFORMERS,40,48",
        "TORCHVISION,40,48",
        "TRANSFORMERS,20,31",
        "TORCHVISION,20,31",
        "TORCHVISION,40,20"
    })
    void ofTensor_cropsAndPadsWhereBytesDo(CropRule rule, int width, int height) {
        var preprocessing = new Preprocessing(
                null, new Preprocessing.Crop(width, height, rule), List.of(0.5, 0.4, 0.3), List.of(0.2, 0.3, 0.4));
        Picture picture = TestPictures.drawn(37, 23);
        try (var scope = new Scope()) {
            Tensor values = preprocessing.ofTensor(tensor(picture));

            assertThat(values.shape()).containsExactly(1, 3, height, width);
            assertThat(values.toFloats())
                    .usingComparatorWithPrecision(1e-6f)
                    .containsExactly(
                            preprocessing.of(Compute.cpu(), List.of(picture)).toFloats());
        }
    }

    @Test
    void ofTensor_gradient_isThatOfFiniteDifferences() {
        Preprocessing preprocessing = Preprocessing.clip(9, CropRule.TORCHVISION);
        int at = 14 * 21 + 11;
        double step = 1e-2;
        try (var scope = new Scope();
                var grad = GradMode.on()) {
            Tensor images = tensor(smooth()).requireGradient();
            Tensor weights = tensor(TestPictures.drawn(9, 9));

            preprocessing.ofTensor(images).mul(weights).sum().backward();

            double slope =
                    (sum(preprocessing, weights, at, step) - sum(preprocessing, weights, at, -step)) / (2 * step);
            assertThat((double) images.gradient().toFloats()[at])
                    .isCloseTo(slope, org.assertj.core.data.Offset.offset(1e-3))
                    .isNotZero();
        }
    }

    private static double sum(Preprocessing preprocessing, Tensor weights, int at, double step) {
        float[] values = tensor(smooth()).toFloats();
        values[at] += (float) step;
        return preprocessing
                .ofTensor(Tensor.of(Compute.cpu(), values, 1, 3, 17, 21))
                .mul(weights)
                .sum()
                .toDoubles()[0];
    }

    /** Far from black and white, so that nothing is cut off. */
    private static Picture smooth() {
        byte[] rgb = new byte[21 * 17 * 3];
        for (int i = 0; i < rgb.length; i++) {
            rgb[i] = (byte) (100 + i % 50);
        }
        return new Picture(21, 17, rgb);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "size|{\"longest_edge\": 9}|a number, {shortest_edge} or {height, width}",
                "size|0|pixels, 1 at least",
                "resample|0|1 (Lanczos), 2 (bilinear) or 3 (bicubic)",
                "image_std|[1, 0, 1]|three numbers other than 0",
                "image_mean|[0.5]|three numbers",
                "rescale_factor|1|1/255",
                "do_rescale|false|true",
                "do_pad|true|false",
                "crop_size|{\"height\": 9, \"width\": -1}|pixels, 1 at least",
                "image_processor_type|\"Sam3ImageProcessor\"|a processor known to take one number"
            })
    void read_keyThatMeansSomethingElse_namesFileKeyAndWhatWasExpected(String line) throws IOException {
        String[] parts = line.split("\\|");
        var config = new com.google.gson.JsonObject();
        com.google.gson.JsonParser.parseString("""
                        {"image_processor_type": "CLIPImageProcessor", "size": 224, "crop_size": 224, "do_center_crop": true, "resample": 3,
                         "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}""")
                .getAsJsonObject()
                .entrySet()
                .forEach(e -> config.add(e.getKey(), e.getValue()));
        config.add(parts[0], com.google.gson.JsonParser.parseString(parts[1]));
        Path file = Files.writeString(folder.resolve("preprocessor_config.json"), config.toString());

        assertThatThrownBy(() -> Preprocessing.read(file))
                .isInstanceOf(VerifierException.class)
                .hasMessageStartingWith(file.toString())
                .hasMessageContaining(parts[2]);
    }

    @ParameterizedTest
    @CsvSource({"1,16000000", "16384,1", "1,101"})
    void shorterSide_ofAStrip_isRefused(int width, int height) {
        String message =
                "picture: " + width + " x " + height + " (expected: the longer side at most 100 times the shorter)";
        assertThatThrownBy(() -> new Preprocessing.ShorterSide(224, Filter.BICUBIC).of(width, height))
                .isInstanceOf(VerifierException.class)
                .hasMessage(message);
        assertThatThrownBy(() -> new Preprocessing.ShorterSideOfNumbers(224).of(width, height))
                .isInstanceOf(VerifierException.class)
                .hasMessage(message);
        assertThat(new Preprocessing.ShorterSide(224, Filter.BICUBIC).of(100, 1))
                .isEqualTo(new Preprocessing.Size(22_400, 224));
    }

    private static Tensor tensor(Picture picture) {
        int plane = picture.width() * picture.height();
        float[] values = new float[plane * 3];
        for (int i = 0; i < values.length; i++) {
            values[i % 3 * plane + i / 3] = (picture.rgb()[i] & 0xff) / 255f;
        }
        return Tensor.of(Compute.cpu(), values, 1, 3, picture.height(), picture.width());
    }

    private static String sha256(Tensor values) {
        Hasher hasher = Hashing.sha256().newHasher();
        for (float value : values.toFloats()) {
            hasher.putFloat(value);
        }
        return hasher.hash().toString();
    }

    private static Path resource(String config) throws Exception {
        return Path.of(PreprocessingTest.class
                .getResource("/verifier/preprocessing/" + config + ".json")
                .toURI());
    }
}
