package dev.prenoise.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** 8 bits of a fraction: whole numbers up to 256 are exact. */
class Bfloat16Test {
    private static final Compute CPU = Compute.cpu();

    @Test
    void to_roundsToTheNearestOfEightBits() {
        try (Scope scope = new Scope()) {
            Tensor narrow = Tensor.of(CPU, new float[] {1, -2.5f, 3.14159f, 1e38f, 257, 259}, 6)
                    .to(DType.BFLOAT16);
            assertThat(narrow.dtype()).isEqualTo(DType.BFLOAT16);
            assertThat(narrow.toFloats()).startsWith(1, -2.5f, 3.140625f).endsWith(256, 260);
            assertThat(narrow.toFloats()[3]).as("float32's range").isCloseTo(1e38f, within(4e35f));
            assertThat(narrow.toDoubles()[2]).isEqualTo(3.140625);
            assertThat(narrow.to(DType.FLOAT32).dtype()).isEqualTo(DType.FLOAT32);
            assertThat(narrow.to(DType.BFLOAT16).toFloats()).isEqualTo(narrow.toFloats());
        }
    }

    @Test
    void layers_giveTheirOwnType() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Tensor x = Tensor.of(CPU, new float[] {1, 2, 3, 4}, 1, 1, 2, 2).to(DType.BFLOAT16);
            Tensor weight = Tensor.of(CPU, new float[] {2}, 1, 1, 1, 1).to(DType.BFLOAT16);
            Tensor convolved = x.conv2d(weight, null, 1, 0);
            assertThat(convolved.dtype()).isEqualTo(DType.BFLOAT16);
            assertThat(convolved.toFloats()).containsExactly(2, 4, 6, 8);
            Tensor product = x.reshape(2, 2).linear(x.reshape(2, 2), null);
            assertThat(product.dtype()).isEqualTo(DType.BFLOAT16);
            assertThat(product.toFloats()).containsExactly(5, 11, 11, 25);
            assertThat(x.mul(0.5).dtype()).as("times a number").isEqualTo(DType.BFLOAT16);
        }
    }

    @Test
    void attentionMaps_areInFloat32() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Tensor x = Tensor.of(CPU, new float[] {1, 2, 3, 4}, 1, 2, 2).to(DType.BFLOAT16);
            Tensor.Attended attended = x.attentionWithMaps(x, x, 1);
            assertThat(attended.output().dtype()).isEqualTo(DType.BFLOAT16);
            assertThat(attended.maps().dtype()).isEqualTo(DType.FLOAT32);
            float[] maps = attended.maps().toFloats();
            assertThat(maps[0] + maps[1]).isCloseTo(1, within(1e-6f));
            // 1 * 3 + 2 * 4 against 1 * 1 + 2 * 2, over the root of 2
            assertThat(maps[1] / maps[0]).isCloseTo((float) Math.exp(6 / Math.sqrt(2)), within(1e-3f));
        }
    }

    @Test
    void gradient_toAFloat32Leaf_isInFloat32() {
        try (GradMode on = GradMode.on();
                Scope scope = new Scope()) {
            Tensor leaf = Tensor.of(CPU, new float[] {1, 2, 3, 4}, 1, 1, 2, 2).requireGradient();
            Tensor narrow = Tensor.of(CPU, new float[] {3}, 1, 1, 1, 1).to(DType.BFLOAT16);
            Tensor y = leaf.like(narrow).conv2d(narrow, null, 1, 0);
            y.like(leaf).mul(leaf.detach()).sum().backward();
            assertThat(leaf.gradient().dtype()).isEqualTo(DType.FLOAT32);
            assertThat(leaf.gradient().toFloats()).containsExactly(3, 6, 9, 12);
        }
    }

    /** 1.5 and -2 as each type has them, and a LoRA's change on top. */
    @ParameterizedTest
    @CsvSource({"F32, 0000C03F000000C0", "F16, 003E00C0", "BF16, C03F00C0"})
    void weights_ofAFileOfAnyType_areHeldInHalfTheMemory(String type, String hex, @TempDir Path folder)
            throws Exception {
        byte[] values = HexFormat.of().parseHex(hex);
        byte[] header = ("{\"w\":{\"dtype\":\"" + type + "\",\"shape\":[2],\"data_offsets\":[0," + values.length
                        + "]}}")
                .getBytes(StandardCharsets.UTF_8);
        Path file = folder.resolve("w.safetensors");
        Files.write(
                file,
                ByteBuffer.allocate(8 + header.length + values.length)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(header.length)
                        .put(header)
                        .put(values)
                        .array());
        try (Weights weights = Weights.open(file, CPU, DType.BFLOAT16)) {
            Weight weight = weights.get("w", 2);
            assertThat(weight.get().dtype()).isEqualTo(DType.BFLOAT16);
            assertThat(weight.get().toFloats()).containsExactly(1.5f, -2);
            assertThat(weights.loadedBytes()).isEqualTo(4);
            // 1.5 + 0.0156 has more digits than the type: it is added in float32 and rounded once
            weights.patch(Map.of("w", base -> {
                assertThat(base.dtype()).isEqualTo(DType.FLOAT32);
                return base.add(0.0156);
            }));
            assertThat(weight.get().dtype()).isEqualTo(DType.BFLOAT16);
            assertThat(weight.get().toFloats()).containsExactly(1.515625f, -1.984375f);
        }
    }

    @Test
    void bfloat16Speed_isMuchTheSameWhenAskedAgain() {
        double first = CPU.bfloat16Speed();
        assertThat(first).isPositive().isFinite();
        assertThat(CPU.bfloat16Speed()).isBetween(first / 4, 4 * first);
    }
}
