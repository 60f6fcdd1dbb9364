package dev.prenoise.backbone.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.google.gson.Gson;
import dev.prenoise.backbone.checkpoint.KeyNames;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LoraFileTest {
    private static final String MODULE = "mid_block.attentions.0.proj_in";
    private static final String STEM = "lora_unet_mid_block_attentions_0_proj_in";
    private static final LoraTarget TARGET = LoraTarget.unet(
            Map.of(MODULE + ".weight", List.of(6L, 4L), "mid_block.resnets.0.conv1.weight", List.of(6L, 4L, 3L, 3L)),
            KeyNames.of(UNetConfig.read(Path.of("test/resources/backbone/tiny_sd2/unet/config.json"))));

    @TempDir
    Path folder;

    /** Each tensor as {@code ending:rows,columns..}. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            lora_down.weight:2,4                                        | lora_down.weight": alone (expected: its partner for UP)
            lora_up.weight:6,2                                          | lora_up.weight": alone (expected: its partner for DOWN)
            lora_mid.weight:2,2,3,3                                     | lora_mid.weight": alone (expected: its partner for UP)
            lora_up.weight:6,2 lora_down.weight:3,4                     | shape [6, 2] does not go with [3, 4]
            lora_up.weight:6,0 lora_down.weight:0,4                     | shape [6, 0] (expected: at least 2 dimensions, none of them 0)
            lora_up.weight:6,2 lora_down.weight:8                       | shape [8] (expected: at least 2 dimensions
            lora_up.weight:6,2 lora_down.weight:2,4 lora_mid.weight:2,3,1,1 | lora_mid.weight": shape [2, 3, 1, 1] (expected: [2, 2, ..]
            hada_w1_a:6,2 hada_w1_b:2,4                                 | hada_w1_a": alone (expected: its partner for HADA_W2_A)
            hada_w1_a:6,2 hada_w1_b:2,4 hada_w2_a:6,2 hada_w2_b:2,5     | hada_w2_a": the two factors differ in size
            hada_w1_a:2,6 hada_w1_b:2,4 hada_w2_a:2,6 hada_w2_b:2,4 hada_t1:2,2,3,3 | expected: its partner for HADA_T2
            hada_w1_a:2,6 hada_w1_b:2,4 hada_w2_a:2,6 hada_w2_b:2,4 hada_t1:2,2,3,3 hada_t2:2,2,1,1 | the two factors differ in size
            lokr_w1:2,2                                                 | lokr_w1": alone (expected: its partner for LOKR_W2_A)
            lokr_w1:2,2 lokr_w2_a:3,1 lokr_w2_b:2,2                     | shape [3, 1] does not go with [2, 2]
            lokr_w1:2,2 lokr_w2:6                                       | lokr_w2": shape [6]
            lora_up.weight:6,2 lora_down.weight:2,4 hada_w1_a:6,2       | hada_w1_a": is of another format than
            lora_up.weight:6,2 lora_B.weight:6,2                        | says the same as
            lora_A.weight:2,4 lora_B.weight:6,2 lora_magnitude_vector:6 | DoRA in PEFT's format is not supported
            diff:0                                                      | diff": shape [0]
            oft_blocks:2,3,3                                            | no LoRA: no key ends as in
            """)
    void open_ofTensorsThatDoNotFitEachOther_namesFileAndKey(String tensors, String message) throws IOException {
        Path file = write(tensors);
        assertThatThrownBy(() -> LoraFile.open(file))
                .isInstanceOf(LoraException.class)
                .hasMessageStartingWith(file.toString())
                .hasMessageContaining(STEM)
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            lora_up.weight:6,2 lora_down.weight:2,5                     | makes [6, 5] for mid_block.attentions.0.proj_in.weight [6, 4]
            lora_up.weight:5,2 lora_down.weight:2,4                     | makes [5, 4] for
            lora_up.weight:6,2 lora_down.weight:2,4 lora_mid.weight:2,2,3,3 | makes [6, 4, 3, 3] for
            hada_w1_a:4,2 hada_w1_b:2,6 hada_w2_a:4,2 hada_w2_b:2,6     | makes [4, 6] for
            lokr_w1:2,2 lokr_w2:3,3                                     | makes [6, 6] for
            diff:6                                                      | makes [6] for
            lora_up.weight:6,2 lora_down.weight:2,4 dora_scale:5,1      | dora_scale": shape [5, 1] for
            lora_up.weight:6,2 lora_down.weight:2,4 alpha:2             | alpha": f32 [2] (expected: one number)
            """)
    void merge_intoAWeightOfAnotherSize_namesFileKeyAndSizes(String tensors, String message) throws IOException {
        LoraFile file = LoraFile.open(write(tensors));
        assertThatThrownBy(() -> LoraMerge.of(List.of(new LoraUse(file, 1, 1)), List.of(TARGET)))
                .isInstanceOf(LoraException.class)
                .hasMessageStartingWith(file.path().toString())
                .hasMessageContaining(STEM)
                .hasMessageContaining(message);
    }

    @Test
    void merge_ofTwoNamesForOneWeight_isRefused() throws IOException {
        Map<String, long[]> tensors = new LinkedHashMap<>();
        tensors.put(STEM + ".diff", new long[] {6, 4});
        tensors.put("unet." + MODULE + ".diff", new long[] {6, 4});
        LoraFile file = LoraFile.open(write(tensors, 1));
        assertThatThrownBy(() -> LoraMerge.of(List.of(new LoraUse(file, 1, 1)), List.of(TARGET)))
                .isInstanceOf(LoraException.class)
                .hasMessageContaining("change the same weight as those of \"" + STEM + "\"");
    }

    @Test
    void merge_ofAlphaThatIsNoNumber_namesTheKey() throws IOException {
        LoraFile file = LoraFile.open(write(parse("lora_up.weight:6,2 lora_down.weight:2,4 alpha:"), Float.NaN));
        assertThatThrownBy(() -> LoraMerge.of(List.of(new LoraUse(file, 1, 1)), List.of(TARGET)))
                .isInstanceOf(LoraException.class)
                .hasMessageContaining("key \"" + STEM + ".alpha\": NaN (expected: a finite number)");
    }

    @Test
    void patch_ofValuesThatAreNotFinite_namesTheKeys() throws IOException {
        LoraFile file = LoraFile.open(write(parse("lora_up.weight:6,2 lora_down.weight:2,4"), Float.NaN));
        LoraMerge merge = LoraMerge.of(List.of(new LoraUse(file, 1, 1)), List.of(TARGET));
        try (Scope scope = new Scope()) {
            Tensor weight = Tensor.of(Compute.cpu(), new float[24], 6, 4);
            assertThatThrownBy(
                            () -> merge.patches(TARGET).get(MODULE + ".weight").apply(weight))
                    .isInstanceOf(LoraException.class)
                    .hasMessageContaining("keys of \"" + STEM + "\": values that are not finite");
        }
    }

    @Test
    void patch_ofMatrices_changesAConvolutionOfOnePixel() throws IOException {
        LoraTarget convolution = LoraTarget.unet(
                Map.of(MODULE + ".weight", List.of(6L, 4L, 1L, 1L)),
                KeyNames.of(UNetConfig.read(Path.of("test/resources/backbone/tiny_sd2/unet/config.json"))));
        LoraFile file = LoraFile.open(write("lora_up.weight:6,2 lora_down.weight:2,4 alpha:"));
        LoraMerge merge = LoraMerge.of(List.of(new LoraUse(file, 0.25, 1)), List.of(convolution));
        try (Scope scope = new Scope()) {
            Tensor patched = merge.patches(convolution)
                    .get(MODULE + ".weight")
                    .apply(Tensor.of(Compute.cpu(), new float[24], 6, 4, 1, 1));
            assertThat(patched.shape()).containsExactly(6, 4, 1, 1);
            assertThat(patched.toFloats()).as("0.25 * 1 / 2 * (1 + 1)").containsOnly(0.25f);
        }
    }

    @Test
    void unknownFormats_areReportedKeyByKey() throws IOException {
        LoraFile file = LoraFile.open(write("diff:6,4 oft_blocks:2,3,3 a1.weight:2,2"));
        assertThat(file.unknownKeys()).containsExactly(STEM + ".oft_blocks", STEM + ".a1.weight");
        LoraMerge merge = LoraMerge.of(List.of(new LoraUse(file, 1, 1)), List.of(TARGET));
        assertThat(merge.patches(TARGET)).containsOnlyKeys(MODULE + ".weight");
        assertThat(merge.unmatched(file)).isEqualTo(file.unknownKeys());
    }

    @Test
    void equals_changesWithTheFile() throws IOException {
        Path path = write("diff:6,4");
        LoraFile before = LoraFile.open(path);
        assertThat(LoraFile.open(path)).isEqualTo(before);
        write("diff:6,4 diff_b:6");
        assertThat(LoraFile.open(path)).isNotEqualTo(before);
    }

    /** Whatever a damaged file says, the error is a LoraException that names it. */
    @Test
    void open_ofADamagedFile_namesIt() throws IOException {
        byte[] whole = Files.readAllBytes(Path.of("test/resources/backbone/lora/lycoris.safetensors"));
        int header = (int) ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getLong();
        Path path = folder.resolve("damaged.safetensors");
        SplittableRandom random = new SplittableRandom(11);
        int refused = 0;
        for (int i = 0; i < 700; i++) {
            byte[] damaged;
            if (i < 200) {
                damaged = Arrays.copyOf(whole, random.nextInt(whole.length));
            } else {
                damaged = whole.clone();
                damaged[random.nextInt(8 + header)] = (byte) random.nextInt(256);
            }
            Files.write(path, damaged);
            Throwable thrown = catchThrowable(
                    () -> LoraMerge.of(List.of(new LoraUse(LoraFile.open(path), 1, 1)), List.of(TARGET)));
            if (thrown != null) {
                assertThat(thrown).isInstanceOf(LoraException.class).hasMessageStartingWith(path.toString());
                refused++;
            }
        }
        assertThat(refused).isGreaterThan(500);
    }

    private Path write(String tensors) throws IOException {
        return write(parse(tensors), 1);
    }

    private static Map<String, long[]> parse(String tensors) {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        for (String tensor : tensors.trim().split(" +")) {
            String[] parts = tensor.split(":", -1);
            shapes.put(
                    STEM + "." + parts[0],
                    parts[1].isEmpty()
                            ? new long[0]
                            : Arrays.stream(parts[1].split(","))
                                    .mapToLong(Long::parseLong)
                                    .toArray());
        }
        return shapes;
    }

    /** A file of float32 tensors that hold one value throughout. */
    private Path write(Map<String, long[]> tensors, float value) throws IOException {
        Map<String, Object> header = new LinkedHashMap<>();
        int end = 0;
        for (Map.Entry<String, long[]> tensor : tensors.entrySet()) {
            int length = 4 * (int) Arrays.stream(tensor.getValue()).reduce(1, (a, b) -> a * b);
            header.put(
                    tensor.getKey(),
                    Map.of("dtype", "F32", "shape", tensor.getValue(), "data_offsets", new int[] {end, end + length}));
            end += length;
        }
        byte[] json = new Gson().toJson(header).getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(8 + json.length + end).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(json.length).put(json);
        while (bytes.hasRemaining()) {
            bytes.putFloat(value);
        }
        Path file = folder.resolve("lora.safetensors");
        Files.write(file, bytes.array());
        return file;
    }
}
