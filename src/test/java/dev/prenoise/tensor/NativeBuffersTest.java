package dev.prenoise.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
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
    private static final Path STATUS = Path.of("/proc/self/status");

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

    /** Into what they are stored as too: bfloat16 is widened, and what starts at an odd byte is moved. */
    @ParameterizedTest
    @CsvSource({"F16, 3C00, FLOAT32, 0", "BF16, 3F80, FLOAT32, 0", "BF16, 3F80, FLOAT16, 0", "F16, 3C00, FLOAT16, 1"})
    void load_withConversionOrMoved_leavesNoBufferBesideTheTensor(
            String stored, String one, DType type, int shift, @TempDir Path folder) throws IOException {
        SafetensorsFile file =
                SafetensorsFile.open(write(folder.resolve("w.safetensors"), stored, Integer.parseInt(one, 16), shift));
        file.load("w", Compute.cpu(), type).close(); // what starts with libtorch has started
        long before = directBytes();
        try (Tensor loaded = file.load("w", Compute.cpu(), type)) {
            assertThat(directBytes()).isEqualTo(before);
            assertThat(loaded.toFloats()).hasSize(4096).containsOnly(1);
        }
    }

    /** Without a collection of garbage: Java's heap does not fill when weights do. */
    @Test
    void unload_ofWidenedWeights_givesTheirMemoryBack(@TempDir Path folder) throws IOException {
        assumeTrue(Files.exists(STATUS), "resident memory is read from " + STATUS);
        Path file = folder.resolve("large.safetensors");
        byte[] header = "{\"w\":{\"dtype\":\"BF16\",\"shape\":[33554432],\"data_offsets\":[0,67108864]}} "
                .getBytes(StandardCharsets.UTF_8);
        try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
            out.writeLong(Long.reverseBytes(header.length));
            out.write(header);
            out.setLength(8 + header.length + 67_108_864);
        }
        try (Weights weights = Weights.open(file, Compute.cpu(), DType.FLOAT32)) {
            Weight weight = weights.get("w", 33_554_432);
            long before = residentMegabytes();
            for (int i = 0; i < 3; i++) {
                weight.get();
                assertThat(residentMegabytes() - before).isBetween(128L, 200L);
                assertThat(weights.unload()).isEqualTo(134_217_728);
                assertThat(residentMegabytes() - before).isLessThan(64);
            }
        }
    }

    private static long directBytes() {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .findFirst()
                .orElseThrow();
    }

    private static long residentMegabytes() throws IOException {
        return Files.readAllLines(STATUS).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024)
                .findFirst()
                .orElseThrow();
    }

    private static Path write(Path file, String type, int bits) throws IOException {
        return write(file, type, bits, 0);
    }

    /**
     * @param shift bytes by which the values miss an even address
     */
    private static Path write(Path file, String type, int bits, int shift) throws IOException {
        byte[] header = ("{\"w\":{\"dtype\":\"" + type + "\",\"shape\":[4096],\"data_offsets\":[0,8192]}}")
                .getBytes(StandardCharsets.UTF_8);
        ByteBuffer buffer = ByteBuffer.allocate(8 + header.length + 2 + 8192).order(ByteOrder.LITTLE_ENDIAN);
        int padded = header.length + header.length % 2 + shift;
        buffer.putLong(padded).put(header);
        while (buffer.position() < 8 + padded) {
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
