package dev.prenoise.backbone.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.backbone.Conditioning;
import dev.prenoise.backbone.checkpoint.KeyNames;
import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.WeightPatch;
import dev.prenoise.tensor.Weights;
import dev.prenoise.text.ClipTextConfig;
import dev.prenoise.text.ClipTextEncoder;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against diffusers, PEFT, ComfyUI and LyCORIS; see {@code make_goldens.py} beside the files. */
class LoraMergeTest {
    private static final Path FOLDER = Path.of("test/resources/backbone/lora");
    private static final Path NETWORKS = Path.of("test/resources/backbone/tiny_sd2");
    private static final SafetensorsFile GOLDEN = SafetensorsFile.open(FOLDER.resolve("golden.safetensors"));
    private static final SafetensorsFile INPUTS = SafetensorsFile.open(NETWORKS.resolve("golden.safetensors"));
    private static UNet unet;
    private static LoraTarget target;

    @BeforeAll
    static void load() {
        UNetConfig config = UNetConfig.read(NETWORKS.resolve("unet/config.json"));
        unet = new UNet(config, weights("unet"));
        target = LoraTarget.unet(unet.weights().asked(), KeyNames.of(config));
    }

    @AfterAll
    static void free() {
        unet.close();
    }

    @ParameterizedTest
    @CsvSource({"kohya, 0.75", "kohya_ldm, 1", "peft, 1", "peft_metadata, 1", "processors, 1"})
    void patches_ofEachFormat_makeThePredictionOfDiffusersAndPeft(String name, double strength) {
        LoraMerge merge = LoraMerge.of(List.of(use(name, strength)), List.of(target));
        assertThat(merge.warnings()).isEmpty();
        assertPrediction(merge.patches(target), name + ".eps");
    }

    @Test
    void patches_ofTwoFiles_addUp() {
        LoraMerge merge = LoraMerge.of(List.of(use("kohya", 0.75), use("kohya_ldm", -0.5)), List.of(target));
        assertPrediction(merge.patches(target), "both.eps");
    }

    @ParameterizedTest
    @ValueSource(doubles = {1.0, 0.625})
    void patches_ofLycorisFormats_makeTheWeightsOfComfyUiAndLycoris(double strength) {
        LoraMerge merge = LoraMerge.of(List.of(use("lycoris", strength)), List.of(target));
        String prefix = "lycoris." + strength + ".";
        List<String> expected =
                GOLDEN.names().stream().filter(name -> name.startsWith(prefix)).toList();
        assertThat(merge.warnings()).isEmpty();
        assertThat(merge.patches(target).keySet())
                .containsExactlyInAnyOrderElementsOf(expected.stream()
                        .map(name -> name.substring(prefix.length()))
                        .toList());
        Weights weights = unet.weights();
        weights.patch(merge.patches(target));
        for (String name : expected) {
            String weight = name.substring(prefix.length());
            long[] shape =
                    weights.shape(weight).stream().mapToLong(Long::longValue).toArray();
            assertClose(weight, weights.get(weight, shape).get(), load(GOLDEN, name), 4e-6);
        }
        weights.patch(Map.of());
    }

    @Test
    void patches_ofTextEncoder_makeTheEmbeddingsOfTransformers() {
        ClipTextConfig config = ClipTextConfig.read(NETWORKS.resolve("text_encoder/config.json"));
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                ClipTextEncoder encoder = new ClipTextEncoder(config, weights("text_encoder"))) {
            LoraTarget text = LoraTarget.textEncoder(0, encoder.weights().asked());
            LoraMerge merge = LoraMerge.of(List.of(new LoraUse(open("kohya"), 1, 0.5)), List.of(target, text));
            assertThat(merge.warnings()).isEmpty();
            encoder.weights().patch(merge.patches(text));
            Tensor embeddings = encoder.encode(new long[][] {{1, 17, 5, 39, 2, 0, 0}});
            assertClose("embeddings", embeddings, load(GOLDEN, "kohya.embeddings"), 4e-6);
        }
    }

    @Test
    void patches_ofTheSameFileAndStrength_areTheSameObjects() {
        Map<String, WeightPatch> first =
                LoraMerge.of(List.of(use("kohya", 0.75)), List.of(target)).patches(target);
        Map<String, WeightPatch> again =
                LoraMerge.of(List.of(use("kohya", 0.75)), List.of(target)).patches(target);
        Map<String, WeightPatch> stronger =
                LoraMerge.of(List.of(use("kohya", 0.5)), List.of(target)).patches(target);
        assertThat(first).isNotEmpty();
        first.forEach((weight, patch) -> {
            assertThat(again.get(weight)).isSameAs(patch);
            assertThat(stronger.get(weight)).isNotSameAs(patch);
        });
    }

    @Test
    void patches_atStrengthZero_areNone() {
        LoraMerge merge = LoraMerge.of(List.of(use("kohya", 0)), List.of(target));
        assertThat(merge.patches(target)).isEmpty();
        assertThat(merge.warnings()).isEmpty();
    }

    @Test
    void warnings_nameKeysThatMatchNothing() {
        LoraTarget half = LoraTarget.unet(
                Map.of("mid_block.attentions.0.transformer_blocks.0.ff.net.0.proj.weight", List.of(128L, 16L)),
                KeyNames.of(UNetConfig.read(NETWORKS.resolve("unet/config.json"))));
        LoraFile file = open("kohya");
        LoraMerge merge = LoraMerge.of(List.of(new LoraUse(file, 1, 1)), List.of(half));
        assertThat(merge.patches(half)).hasSize(1);
        assertThat(merge.unmatched(file)).hasSize(21).noneMatch(key -> key.contains("lora_te_"));
        assertThat(merge.warnings())
                .singleElement()
                .asString()
                .startsWith("kohya.safetensors: 21 of 24 keys match nothing in this model: lora_unet_")
                .endsWith(" and 18 more");
    }

    private static void assertPrediction(Map<String, WeightPatch> patches, String golden) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            unet.weights().patch(patches);
            Tensor eps = unet.predict(load(INPUTS, "latents"), 499.5, Conditioning.of(load(INPUTS, "context")));
            assertClose(golden, eps, load(GOLDEN, golden), 4e-6);
        } finally {
            unet.weights().patch(Map.of());
        }
    }

    private static void assertClose(String what, Tensor actual, Tensor expected, double tolerance) {
        double[] a = actual.toDoubles();
        double[] b = expected.toDoubles();
        assertThat(actual.shape()).as(what).isEqualTo(expected.shape());
        for (int i = 0; i < b.length; i++) {
            assertThat(a[i]).as("%s[%d]", what, i).isCloseTo(b[i], within(tolerance));
        }
    }

    private static LoraUse use(String name, double strength) {
        return new LoraUse(open(name), strength, strength);
    }

    private static LoraFile open(String name) {
        return LoraFile.open(FOLDER.resolve(name + ".safetensors"));
    }

    private static Weights weights(String network) {
        return Weights.open(NETWORKS.resolve(network + "/model.safetensors"), Compute.cpu(), DType.FLOAT64);
    }

    private static Tensor load(SafetensorsFile file, String name) {
        return file.load(name, Compute.cpu(), DType.FLOAT64);
    }
}
