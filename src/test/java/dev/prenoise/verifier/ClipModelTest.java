package dev.prenoise.verifier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.SafetensorsException;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;
import dev.prenoise.text.Tokenizer;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against transformers' CLIPModel, on tiny models of both kinds. */
class ClipModelTest {
    @ParameterizedTest
    @CsvSource({"clip,FLOAT64,1e-12", "clip,FLOAT32,3e-6", "clip_h,FLOAT64,1e-12", "clip_h,FLOAT32,3e-6"})
    void embeddings_ofPixelsAndPrompts_equalTransformers(String name, DType type, double tolerance) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                ClipModel model = open(name, type);
                Tokenizer tokenizer = Tokenizer.load(TinyClips.tokenizer())) {
            int side = model.config().vision().imageSize();
            double image = TinyClips.difference(
                    model.imageEmbeddings(TinyClips.pixels(side, type)).toDoubles(), TinyClips.golden(name, "image"));
            TinyClips.report(name + " " + type + " image side", image);
            assertThat(image).isLessThanOrEqualTo(tolerance);

            long[][] ids = TinyClips.PROMPTS.stream()
                    .map(tokenizer::encodePrompt)
                    .map(prompt ->
                            prompt.ids().stream().mapToLong(Integer::longValue).toArray())
                    .toArray(long[][]::new);
            double text = TinyClips.difference(model.textEmbeddings(ids).toDoubles(), TinyClips.golden(name, "text"));
            TinyClips.report(name + " " + type + " text side", text);
            assertThat(text).isLessThanOrEqualTo(tolerance);
        }
    }

    @Test
    void imageEmbeddings_gradientToThePixels_equalsFiniteDifferences() {
        try (Scope scope = new Scope();
                GradMode on = GradMode.on();
                ClipModel model = open("clip_h", DType.FLOAT64)) {
            Tensor pixels = TinyClips.pixels(30, DType.FLOAT64).narrow(0, 0, 1).requireGradient();
            first(model, pixels).backward();
            double[] gradient = pixels.gradient().toDoubles();
            double[] values = pixels.toDoubles();
            for (int at : new int[] {0, 431, 1279}) {
                double slope = (first(model, moved(values, at, 1e-5)).toDoubles()[0]
                                - first(model, moved(values, at, -1e-5)).toDoubles()[0])
                        / 2e-5;
                assertThat(gradient[at]).isCloseTo(slope, within(1e-8));
            }
            assertThat(gradient[30 * 30 - 1])
                    .as("in the margin that no patch covers")
                    .isZero();
        }
    }

    @Test
    void imageEmbeddings_pixelsOfAnotherSize_areRefused() {
        try (Scope scope = new Scope();
                ClipModel model = open("clip", DType.FLOAT32)) {
            Tensor pixels = TinyClips.pixels(30, DType.FLOAT32);
            assertThatThrownBy(() -> model.imageEmbeddings(pixels))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("[2, 3, 30, 30]")
                    .hasMessageEndingWith("(expected: [B, 3, 32, 32])");
        }
    }

    @Test
    void construction_configOfAnotherModel_namesTheTensor() {
        Path file = TinyClips.folder("clip_h").resolve("model.safetensors");
        ClipConfig other = ClipConfig.read(TinyClips.folder("clip").resolve("config.json"));
        try (Weights weights = Weights.open(file, Compute.cpu(), DType.FLOAT32)) {
            assertThatThrownBy(() -> new ClipModel(other, weights))
                    .isInstanceOf(SafetensorsException.class)
                    .hasMessage(
                            file + ": tensor \"vision_model.embeddings.patch_embedding.weight\": shape [20, 3, 7, 7] "
                                    + "(expected: [16, 3, 8, 8])");
        }
    }

    private static Tensor first(ClipModel model, Tensor pixels) {
        return model.imageEmbeddings(pixels).normalized().narrow(1, 0, 1).sum();
    }

    private static Tensor moved(double[] values, int at, double by) {
        double[] copy = values.clone();
        copy[at] += by;
        return Tensor.of(Compute.cpu(), copy, 1, 3, 30, 30);
    }

    private static ClipModel open(String name, DType type) {
        Path folder = TinyClips.folder(name);
        return new ClipModel(
                ClipConfig.read(folder.resolve("config.json")),
                Weights.open(folder.resolve("model.safetensors"), Compute.cpu(), type));
    }
}
