package dev.prenoise.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.prenoise.tensor.SafetensorsFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsWriterTest {
    @TempDir
    private Path folder;

    @Test
    void write_laysOutLengthHeaderAndValues() {
        byte[] values = FakeService.noise(3);

        byte[] file = SafetensorsWriter.write("noise", List.of(1L, 4L, 2L, 2L), values, Map.of("a", "\u00e9\"\n"));

        int header = Math.toIntExact(
                ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong());
        assertThat(header % 8).isZero();
        assertThat(new String(file, 8, header, StandardCharsets.UTF_8).strip())
                .isEqualTo("{\"__metadata__\":{\"a\":\"\u00e9\\\"\\n\"},"
                        + "\"noise\":{\"dtype\":\"F32\",\"shape\":[1,4,2,2],\"data_offsets\":[0,64]}}");
        assertThat(file).hasSize(8 + header + 64).endsWith(values);
    }

    @Test
    void write_readBack_isTheSame() throws Exception {
        byte[] values = FakeService.noise(3);
        Path file = Files.write(
                folder.resolve("noise.safetensors"),
                SafetensorsWriter.write("noise", List.of(1L, 4L, 2L, 2L), values, Map.of("prenoise.score", "0.5")));

        SafetensorsFile read = SafetensorsFile.open(file);

        assertThat(read.names()).containsExactly("noise");
        assertThat(read.metadata()).containsExactly(Map.entry("prenoise.score", "0.5"));
        assertThat(read.entry("noise").shape()).containsExactly(1L, 4L, 2L, 2L);
        byte[] bytes = Files.readAllBytes(file);
        assertThat(Arrays.copyOfRange(bytes, (int) read.entry("noise").offset(), bytes.length))
                .isEqualTo(values);
    }

    @Test
    void write_wrongLength_namesIt() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SafetensorsWriter.write("noise", List.of(2L, 3L), new byte[20], Map.of()))
                .withMessage("values: 20 bytes (expected: 24 for float32 [2, 3])");
    }
}
