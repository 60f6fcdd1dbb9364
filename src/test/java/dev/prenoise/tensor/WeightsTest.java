package dev.prenoise.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class WeightsTest {
    /** Every tensor is [2]: the loads so far, and 7. */
    private static final class Counting implements WeightSource {
        private int loads;

        @Override
        public boolean has(String name) {
            return true;
        }

        @Override
        public List<Long> shape(String name) {
            return List.of(2L);
        }

        @Override
        public Tensor load(String name, Compute compute, DType type) {
            loads++;
            try (Scope scope = new Scope()) {
                return Scope.release(Tensor.of(compute, new float[] {loads, 7}, 2));
            }
        }

        @Override
        public SafetensorsException wrong(String name, String problem) {
            return new SafetensorsException(Path.of("counting"), name + ": " + problem);
        }
    }

    private final Counting source = new Counting();

    @Test
    void patch_changesItsWeightAndNoOther() {
        try (Weights weights = Weights.of(source, Compute.cpu(), DType.FLOAT32)) {
            Weight a = weights.under("m").get("a", 2);
            Weight b = weights.get("b", 2);
            assertThat(a.get().toFloats()).containsExactly(1, 7);
            assertThat(b.get().toFloats()).containsExactly(2, 7);

            weights.patch(Map.of("m.a", w -> w.mul(10)));

            assertThat(a.get().toFloats()).containsExactly(30, 70);
            assertThat(b.get().toFloats()).as("not loaded again").containsExactly(2, 7);

            weights.patch(Map.of());
            assertThat(a.get().toFloats()).containsExactly(4, 7);
        }
    }

    @Test
    void patch_thatIsInForce_loadsNothingAgain() {
        Map<String, WeightPatch> patches = Map.of("a", w -> w.mul(2));
        try (Weights weights = Weights.of(source, Compute.cpu(), DType.FLOAT32)) {
            Weight a = weights.get("a", 2);
            weights.patch(patches);
            a.get();
            weights.patch(Map.copyOf(patches));
            assertThat(a.get().toFloats()).containsExactly(2, 14);
            assertThat(source.loads).isEqualTo(1);
        }
    }

    @Test
    void patch_staysWhenValuesAreUnloaded() {
        try (Weights weights = Weights.of(source, Compute.cpu(), DType.FLOAT32)) {
            Weight a = weights.get("a", 2);
            weights.patch(Map.of("a", w -> w.mul(2)));
            a.get();
            assertThat(weights.unload()).isEqualTo(8);
            assertThat(a.get().toFloats()).containsExactly(4, 14);
        }
    }
}
