package dev.prenoise.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PackedLinearTest {
    private static final Compute CPU = Compute.cpu();
    private static final int IN = 96;
    private static final int OUT = 200;

    @TempDir
    private Path folder;

    private Path file;

    @BeforeEach
    void write() throws IOException {
        file = folder.resolve("w.safetensors");
        try (Scope scope = new Scope()) {
            Files.write(
                    file,
                    SafetensorsWriter.write(
                            Map.of(
                                    "weight",
                                    SafetensorsWriter.Content.of(Tensor.of(CPU, waves(OUT * IN, 0.3), OUT, IN)),
                                    "bias",
                                    SafetensorsWriter.Content.of(Tensor.of(CPU, waves(OUT, 1.7), OUT))),
                            Map.of()));
        }
    }

    private static float[] waves(int count, double step) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) Math.sin(step * i * (1 + i % 7));
        }
        return values;
    }

    @Test
    void linear_ofPackedWeights_isThatOfPlainOnes() {
        try (Weights weights = Weights.open(file, CPU, DType.FLOAT32);
                Weights others = Weights.open(file, CPU, DType.FLOAT32);
                GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Weight packed = weights.packing().get("weight", OUT, IN);
            Tensor x = Tensor.of(CPU, waves(3 * 5 * IN, 0.9), 3, 5, IN);
            for (boolean biased : new boolean[] {false, true}) {
                Weight bias = biased ? weights.get("bias", OUT) : null;
                Tensor expected = others.get("weight", OUT, IN).linear(x, bias);
                Tensor actual = packed.linear(x, bias);
                assertThat(actual.shape()).containsExactly(3, 5, OUT);
                float[] values = actual.toFloats();
                float[] plain = expected.toFloats();
                for (int i = 0; i < plain.length; i++) {
                    assertThat(values[i]).isCloseTo(plain[i], within(2e-5f));
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 2", "1, 8", "50, 2", "50, 7", "50, 8", "17, 3"})
    void linear_ofARowAmongOthers_hasTheBitsOfItAlone(int rows, int together) {
        try (Weights weights = Weights.open(file, CPU, DType.FLOAT32);
                GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Weight packed = weights.packing().get("weight", OUT, IN);
            Weight bias = weights.get("bias", OUT);
            float[] values = waves(together * rows * IN, 0.9);
            float[] all = packed.linear(Tensor.of(CPU, values, together, rows, IN), bias)
                    .toFloats();
            for (int i = 0; i < together; i++) {
                float[] own = Arrays.copyOfRange(values, i * rows * IN, (i + 1) * rows * IN);
                float[] alone =
                        packed.linear(Tensor.of(CPU, own, 1, rows, IN), bias).toFloats();
                assertThat(Arrays.copyOfRange(all, i * rows * OUT, (i + 1) * rows * OUT))
                        .as("%d of %d", i, together)
                        .containsExactly(alone);
            }
        }
    }

    @Test
    void linear_ofPackedWeights_keepsOneLayoutAndHasAGradientAllTheSame() {
        try (Weights weights = Weights.open(file, CPU, DType.FLOAT32);
                Scope scope = new Scope()) {
            Weight packed = weights.packing().get("weight", OUT, IN);
            Tensor x = Tensor.of(CPU, waves(IN, 0.9), 1, IN);
            try (GradMode off = GradMode.off()) {
                packed.linear(x, null);
                assertThat(weights.loadedBytes()).isEqualTo(4L * OUT * IN);
                packed.linear(x, null);
                assertThat(weights.loadedBytes()).isEqualTo(4L * OUT * IN);
            }
            try (GradMode on = GradMode.on()) {
                Tensor leaf = x.requireGradient();
                packed.linear(leaf, null).sum().backward();
                assertThat(leaf.gradient().toFloats()).doesNotContain(0);
            }
            assertThat(weights.unload()).isEqualTo(2 * 4L * OUT * IN);
            assertThat(weights.loadedBytes()).isZero();
            try (GradMode off = GradMode.off()) {
                assertThat(packed.linear(x, null).toFloats()).hasSize(OUT);
            }
        }
    }

    @Test
    void linear_ofPatchedWeights_isOfThePatch() {
        try (Weights weights = Weights.open(file, CPU, DType.FLOAT32);
                GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Weight packed = weights.packing().get("weight", OUT, IN);
            Tensor x = Tensor.of(CPU, waves(IN, 0.9), 1, IN);
            float before = packed.linear(x, null).toFloats()[3];
            weights.patch(Map.of("weight", w -> w.mul(2)));
            assertThat(packed.linear(x, null).toFloats()[3]).isCloseTo(2 * before, within(1e-5f));
        }
    }

    @Test
    void packedLinear_ofThisLibtorch_isThere() {
        // every platform that CI and the natives bundled by default have comes with oneDNN
        assertThat(CPU.packedLinear()).isPresent();
    }
}
