package dev.prenoise.verifier;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.tensor.ConfigFile;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.SafetensorsException;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Weights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** DINO, DINOv2 and SigLIP against transformers' numbers in float64, on tiny networks. */
class VisionNetworksTest {
    private static final String DINO = "dino-vitb16";
    private static final String DINO_2 = "dinov2-base-imagenet1k-1-layer";
    private static final String SIGLIP = "siglip-base-patch16-224";

    @ParameterizedTest
    @CsvSource({"FLOAT64,1e-11", "FLOAT32,1e-5"})
    void dinoTokens_equalTransformers(DType type, double tolerance) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                Weights weights = weights(DINO, type)) {
            DinoTransformer dino = new DinoTransformer(config(DINO), weights);
            double[] same = dino.tokens(TinyNetworks.numbers(28, type)).toDoubles();
            TinyNetworks.assertNear(same, "dino.tokens", type, tolerance);
            double[] larger = dino.tokens(TinyNetworks.numbers(36, type)).toDoubles();
            TinyNetworks.assertNear(larger, "dino.tokens_larger", type, tolerance);
        }
    }

    /** transformers resamples positions in float32, whatever the weights are. */
    @ParameterizedTest
    @CsvSource({"FLOAT64,3e-6", "FLOAT32,1e-5"})
    void dino2TokensAndLogits_ofASmallerPicture_equalTransformers(DType type, double tolerance) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                Weights weights = weights(DINO_2, type)) {
            DinoTransformer dino = new DinoTransformer(config(DINO_2), weights);
            double[] tokens = dino.tokens(TinyNetworks.numbers(24, type)).toDoubles();
            TinyNetworks.assertNear(tokens, "dinov2.tokens", type, tolerance);
            double[] logits = new DinoClassifier(dino, weights)
                    .logits(TinyNetworks.numbers(24, type))
                    .toDoubles();
            TinyNetworks.assertNear(logits, "dinov2.logits", type, tolerance);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "dino-vitb16/dino_vitbase16_linearweights,dino.logits_b",
        "heads/dino_deitsmall16_linearweights,dino.logits_s"
    })
    void dinoLogits_readWhatEvalLinearReads(String head, String golden) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                Weights weights = weights(DINO, DType.FLOAT64);
                Weights linear = TinyNetworks.weights(head + ".safetensors", DType.FLOAT64)) {
            DinoTransformer dino = new DinoTransformer(config(DINO), weights);
            double[] logits = new DinoClassifier(dino, linear)
                    .logits(TinyNetworks.numbers(28, DType.FLOAT64))
                    .toDoubles();
            TinyNetworks.assertNear(logits, golden, DType.FLOAT64, 1e-11);
        }
    }

    @ParameterizedTest
    @CsvSource({"FLOAT64,1e-11", "FLOAT32,1e-5"})
    void siglipEmbeddings_equalTransformers(DType type, double tolerance) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                Weights weights = weights(SIGLIP, type)) {
            SiglipVision siglip = new SiglipVision(config(SIGLIP).under("vision_config"), weights);
            double[] embeddings =
                    siglip.embeddings(TinyNetworks.numbers(28, type)).toDoubles();
            TinyNetworks.assertNear(embeddings, "siglip.embeddings", type, tolerance);
        }
    }

    @Test
    void dinoTransformer_ofTheGiant_isRefused(@TempDir Path folder) throws IOException {
        Path config = Files.writeString(folder.resolve("config.json"), "{\"use_swiglu_ffn\": true}");
        try (Weights weights = weights(DINO_2, DType.FLOAT32)) {
            assertThatThrownBy(() -> new DinoTransformer(ConfigFile.read(config), weights))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(config
                            + ": use_swiglu_ffn: true (expected: false: DINOv2 small, base or large; the giant one"
                            + " is not read)");
        }
    }

    @Test
    void dinoTransformer_headsThatDoNotDivide_areRefused(@TempDir Path folder) throws IOException {
        Path config = Files.writeString(folder.resolve("config.json"), "{\"num_attention_heads\": 3}");
        try (Weights weights = weights(DINO, DType.FLOAT32)) {
            assertThatThrownBy(() -> new DinoTransformer(ConfigFile.read(config), weights))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(config + ": num_attention_heads: 3 (expected: a divisor of the width, 16)");
        }
    }

    @Test
    void dinoClassifier_withoutAHead_namesFileAndTensor() {
        try (Weights weights = weights(DINO, DType.FLOAT32)) {
            DinoTransformer transformer = new DinoTransformer(config(DINO), weights);
            assertThatThrownBy(() -> new DinoClassifier(transformer, weights))
                    .isInstanceOf(SafetensorsException.class)
                    .hasMessageContaining("model.safetensors")
                    .hasMessageContaining("module.linear.weight");
        }
    }

    private static Weights weights(String repository, DType type) {
        return TinyNetworks.weights(repository + "/model.safetensors", type);
    }

    private static ConfigFile config(String repository) {
        return ConfigFile.read(TinyNetworks.FOLDER.resolve(repository + "/config.json"));
    }
}
