package dev.prenoise.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.prenoise.tensor.SafetensorsWriter.Content;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsWriterTest {
    private static final byte[] VALUES = values();

    @TempDir
    private Path folder;

    @Test
    void write_laysOutLengthHeaderAndValues() {
        byte[] file = SafetensorsWriter.write(
                Map.of("noise", new Content(SafetensorsType.F32, List.of(1L, 4L, 2L, 2L), VALUES)),
                Map.of("a", "\u00e9\"\n"));

        int header = Math.toIntExact(
                ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong());
        assertThat(header % 8).isZero();
        assertThat(new String(file, 8, header, StandardCharsets.UTF_8).strip())
                .isEqualTo("{\"__metadata__\":{\"a\":\"\u00e9\\\"\\n\"},"
                        + "\"noise\":{\"dtype\":\"F32\",\"shape\":[1,4,2,2],\"data_offsets\":[0,64]}}");
        assertThat(file).hasSize(8 + header + 64).endsWith(VALUES);
    }

    @Test
    void write_readBack_isTheSame() throws Exception {
        Path file = Files.write(
                folder.resolve("noise.safetensors"),
                SafetensorsWriter.write(
                        Map.of("noise", new Content(SafetensorsType.F32, List.of(1L, 4L, 2L, 2L), VALUES)),
                        Map.of("prenoise.score", "0.5")));

        SafetensorsFile read = SafetensorsFile.open(file);

        assertThat(read.names()).containsExactly("noise");
        assertThat(read.metadata()).containsExactly(Map.entry("prenoise.score", "0.5"));
        assertThat(read.entry("noise").shape()).containsExactly(1L, 4L, 2L, 2L);
        byte[] bytes = Files.readAllBytes(file);
        assertThat(Arrays.copyOfRange(bytes, (int) read.entry("noise").offset(), bytes.length))
                .isEqualTo(VALUES);
    }

    @Test
    void write_wrongLength_namesIt() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Content(SafetensorsType.F32, List.of(2L, 3L), new byte[20]))
                .withMessage("values: 20 bytes (expected: 24 for f32 [2, 3])");
    }

    @Test
    void write_tensorsOfTwoTypes_loadWithTheirValues() throws Exception {
        try (Scope scope = new Scope()) {
            Tensor a = Tensor.of(Compute.cpu(), new float[] {1, -2.5f, 3}, 3);
            Map<String, Content> tensors = new LinkedHashMap<>();
            tensors.put("b", Content.of(a.reshape(1, 3).to(DType.FLOAT16)));
            tensors.put("a", Content.of(a));
            Path file = Files.write(folder.resolve("two.safetensors"), SafetensorsWriter.write(tensors, Map.of()));

            SafetensorsFile read = SafetensorsFile.open(file);

            assertThat(read.entry("b").type()).isEqualTo(SafetensorsType.F16);
            assertThat(read.entry("b").shape()).containsExactly(1L, 3L);
            try (Tensor half = read.load("b", Compute.cpu(), DType.FLOAT32);
                    Tensor whole = read.load("a", Compute.cpu(), DType.FLOAT32)) {
                assertThat(half.toFloats()).containsExactly(1, -2.5f, 3);
                assertThat(whole.toFloats()).containsExactly(1, -2.5f, 3);
            }
        }
    }

    private static byte[] values() {
        byte[] values = new byte[64];
        for (int i = 0; i < values.length; i++) {
            values[i] = (byte) (37 * i);
        }
        return values;
    }
}
