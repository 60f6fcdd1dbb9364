package dev.prenoise.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

class TensorTest {
    private static final Compute CPU = Compute.cpu();

    @Test
    void of_withTheWrongCount_saysWhatWasExpected() {
        assertThatThrownBy(() -> Tensor.of(CPU, new float[5], 2, 3))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("values: 5 (expected: 6 for shape [2, 3])");
    }

    /** Fails, most times, where a graph reads a buffer that the garbage collector may free. */
    @Test
    void backward_afterTheJavaSideOfAFactorIsGone_readsItStill() {
        int size = 1 << 20;
        try (GradMode on = GradMode.on();
                Scope scope = new Scope()) {
            Tensor x = Tensor.of(CPU, new float[size], size).requireGradient();
            float[] sevens = new float[size];
            Arrays.fill(sevens, 7);
            Tensor product = Scope.of(() -> x.mul(Tensor.of(CPU, sevens, size)));
            for (int i = 0; i < 10; i++) {
                System.gc();
                try (Tensor other = Tensor.of(CPU, new float[size], size)) {
                    assertThat(other.size(0)).isEqualTo(size);
                }
            }
            product.sum().backward();
            assertThat(x.gradient().toFloats()).containsOnly(7);
        }
    }

    @Test
    void groupNormSilu_equalsItsDefinition() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Tensor x = Tensor.of(CPU, new double[] {1, 2, 3, 4, 5, 6, 7, 9}, 1, 4, 2, 1);
            Tensor ones = Tensor.of(CPU, new double[] {1, 1, 1, 1}, 4);
            Tensor zeros = Tensor.of(CPU, new double[4], 4);
            double[] normed = x.groupNorm(ones, zeros, 2, 1e-5).toDoubles();
            double first = (1 - 2.5) / Math.sqrt(1.25 + 1e-5);
            assertThat(normed[0]).isCloseTo(first, within(1e-12));
            assertThat(x.groupNormSilu(ones, zeros, 2, 1e-5).toDoubles()[0])
                    .isCloseTo(first / (1 + Math.exp(-first)), within(1e-12));
        }
    }

    @Test
    void resizeBicubic_toHalf_keepsAConstant() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Tensor x = Tensor.of(CPU, new double[] {3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3}, 1, 1, 4, 4);
            assertThat(x.resizeBicubic(2, 2).toDoubles()).containsExactly(new double[] {3, 3, 3, 3}, within(1e-12));
            assertThat(x.resizeBilinear(2, 2).toDoubles()).containsExactly(new double[] {3, 3, 3, 3}, within(1e-12));
        }
    }

    @Test
    void logSoftmaxAndNormalized_areOverTheLastDimension() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Tensor x = Tensor.of(CPU, new double[] {3, 4, 0, Math.log(3)}, 2, 2);
            assertThat(x.normalized().toDoubles()).containsExactly(new double[] {0.6, 0.8, 0, 1}, within(1e-12));
            assertThat(x.narrow(0, 1, 1).logSoftmax().toDoubles())
                    .containsExactly(new double[] {Math.log(0.25), Math.log(0.75)}, within(1e-12));
            assertThat(x.sum(-1).toDoubles()).containsExactly(new double[] {7, Math.log(3)}, within(1e-12));
        }
    }

    @Test
    void attentionMaps_ofOneHotKeys_winAtTheKnownPlace() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            // 3 queries, 2 keys, 1 head of width 2: query i looks along axis i, the third along neither
            Tensor q = Tensor.of(CPU, new double[] {40, 0, 0, 40, 0, 0}, 1, 3, 2);
            Tensor k = Tensor.of(CPU, new double[] {1, 0, 0, 1}, 1, 2, 2);
            Tensor v = Tensor.of(CPU, new double[] {1, 2, 3, 4}, 1, 2, 2);
            double[] maps = q.attentionMaps(k, 1).toDoubles();
            assertThat(maps).containsExactly(new double[] {1, 0, 0, 1, 0.5, 0.5}, within(1e-9));
            Tensor.Attended attended = q.attentionWithMaps(k, v, 1);
            assertThat(attended.maps().toDoubles()).containsExactly(maps);
            double[] fused = q.attention(k, v, 1).toDoubles();
            assertThat(attended.output().toDoubles()).containsExactly(fused, within(1e-12));
            assertThat(fused).containsExactly(new double[] {1, 2, 3, 4, 2, 3}, within(1e-9));
        }
    }

    /** Scaled, the products here are 80,000; float16 ends at 65,504. */
    @Test
    void attentionMaps_ofHalvesWhoseProductsOverflow_areRight() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Tensor query =
                    Tensor.of(CPU, new float[] {200, 200, 200, 200}, 1, 1, 4).to(DType.FLOAT16);
            Tensor keys = Tensor.of(CPU, new float[] {200, 200, 200, 200, 200, 200, 200, 200, 1, 1, 1, 1}, 1, 3, 4)
                    .to(DType.FLOAT16);
            assertThat(query.attentionMaps(keys, 1).toFloats()).containsExactly(0.5f, 0.5f, 0);
            Tensor.Attended attended = query.attentionWithMaps(keys, keys, 1);
            assertThat(attended.output().dtype()).isEqualTo(DType.FLOAT16);
            assertThat(attended.output().toFloats()).containsExactly(200, 200, 200, 200);
            assertThat(attended.maps().dtype()).isEqualTo(DType.FLOAT32);
        }
    }

    @Test
    void backward_onManyThreadsAtOnce_givesEachItsOwnGradient() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        try {
            List<Future<Double>> gradients = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                double value = i;
                gradients.add(pool.submit(() -> {
                    try (GradMode on = GradMode.on();
                            Scope scope = new Scope()) {
                        Tensor x = Tensor.of(CPU, new double[] {value}, 1).requireGradient();
                        x.mul(x).mul(3).sum().backward();
                        return x.gradient().toDoubles()[0];
                    }
                }));
            }
            for (int i = 0; i < 40; i++) {
                assertThat(gradients.get(i).get()).isEqualTo(6.0 * i);
            }
        } finally {
            pool.shutdown();
        }
    }

    @Test
    void gradMode_afterAFailure_isAsBefore() {
        try (GradMode off = GradMode.off()) {
            assertThatThrownBy(() -> {
                        try (GradMode on = GradMode.on();
                                Scope scope = new Scope()) {
                            Tensor.of(CPU, new float[6], 2, 3).matmul(Tensor.of(CPU, new float[6], 2, 3));
                        }
                    })
                    .isInstanceOf(RuntimeException.class);
            try (Scope scope = new Scope()) {
                Tensor x = Tensor.of(CPU, new double[] {2}, 1).requireGradient();
                assertThatThrownBy(() -> x.mul(x).sum().backward()).isInstanceOf(RuntimeException.class);
            }
        }
    }

    @Test
    void scope_keepsWhatItIsToldToAndFreesTheRest() {
        try (Scope outer = new Scope()) {
            Tensor kept = Scope.of(() -> Tensor.of(CPU, new float[] {1, 2}, 2).add(1));
            assertThat(kept.toFloats()).containsExactly(2, 3);
        }
        Tensor[] leaked = new Tensor[1];
        try (Scope scope = new Scope()) {
            leaked[0] = Tensor.of(CPU, new float[] {1}, 1);
        }
        assertThatThrownBy(() -> leaked[0].toFloats()).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void mul_byEverNewNumbers_keepsNoneOfThem() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Tensor one = Tensor.of(CPU, new float[] {1}, 1);
            int before = CPU.ops().keptScalars();
            for (int i = 1; i <= 100; i++) {
                assertThat(one.mul(i + 0.123).add(i - 0.321).toFloats()[0]).isCloseTo(2 * i - 0.198f, within(1e-4f));
            }
            assertThat(CPU.ops().keptScalars()).isEqualTo(before);
        }
    }

    @Test
    void close_twice_isNoError() {
        Tensor tensor = Tensor.of(CPU, new float[] {1}, 1);
        tensor.close();
        tensor.close();
        assertThatThrownBy(tensor::toFloats).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void of_unknownDevice_listsTheKnownOnes() {
        assertThatThrownBy(() -> Compute.of("tpu"))
                .hasMessage("device: \"tpu\" (expected: auto, cpu, mps, cuda or cuda:N)");
    }
}
