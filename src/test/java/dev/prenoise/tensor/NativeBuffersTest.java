package dev.prenoise.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NativeBuffersTest {
    private static final Path MAPS = Path.of("/proc/self/maps");

    /** 1.0 in each type, in the bits that it shares with the others' upper half. */
    @ParameterizedTest
    @CsvSource({"F16, 3C00, FLOAT32", "BF16, 3F80, FLOAT32", "BF16, 3F80, FLOAT16"})
    void load_withConversion_leavesNothingMapped(String stored, String one, DType type, @TempDir Path folder)
            throws IOException {
        assumeTrue(Files.exists(MAPS), "what is mapped is read from " + MAPS);
        Path file = write(folder.resolve(stored + type + ".safetensors"), stored, Integer.parseInt(one, 16));
        try (Tensor loaded = SafetensorsFile.open(file).load("w", Compute.cpu(), type)) {
            assertThat(Files.readString(MAPS)).doesNotContain(file.getFileName().toString());
            assertThat(loaded.toFloats()).hasSize(4096).containsOnly(1);
        }
    }

    @Test
    void load_withoutConversion_liesOverTheFile(@TempDir Path folder) throws IOException {
        assumeTrue(Files.exists(MAPS), "what is mapped is read from " + MAPS);
        Path file = write(folder.resolve("half.safetensors"), "F16", 0x3C00);
        try (Tensor loaded = SafetensorsFile.open(file).load("w", Compute.cpu(), DType.FLOAT16)) {
            assertThat(Files.readString(MAPS)).contains("half.safetensors");
            assertThat(loaded.toFloats()).containsOnly(1);
        }
    }

    private static Path write(Path file, String type, int bits) throws IOException {
        byte[] header = ("{\"w\":{\"dtype\":\"" + type + "\",\"shape\":[4096],\"data_offsets\":[0,8192]}}")
                .getBytes(StandardCharsets.UTF_8);
        ByteBuffer buffer = ByteBuffer.allocate(8 + header.length + 1 + 8192).order(ByteOrder.LITTLE_ENDIAN);
        int padded = header.length + header.length % 2;
        buffer.putLong(padded).put(header);
        if (padded > header.length) {
            buffer.put((byte) ' ');
        }
        for (int i = 0; i < 4096; i++) {
            buffer.putShort((short) bits);
        }
        byte[] bytes = new byte[buffer.flip().remaining()];
        buffer.get(bytes);
        return Files.write(file, bytes);
    }
}
