package dev.prenoise.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ParametersTest {
    private static Parameters pair() {
        return new Parameters(
                Compute.cpu(),
                Map.of("m.a", List.of(2L), "m.b", List.of(2L, 1L)),
                (name, shape) -> name.equals("m.a") ? new float[] {1, 2} : new float[] {3, 4});
    }

    @Test
    void weights_areLeaves_whoseGradientsAddUpUntilCleared() {
        try (Parameters parameters = pair();
                GradMode on = GradMode.on();
                Scope scope = new Scope()) {
            Weight a = parameters.weights().under("m").get("a", 2);
            a.get().mul(a.get()).sum().backward();
            assertThat(a.get().gradient().toFloats()).containsExactly(2, 4);
            a.get().sum().backward();
            assertThat(a.get().gradient().toFloats()).containsExactly(3, 5);
            a.get().clearGradient();
            assertThat(a.get().gradient().toFloats()).containsExactly(0, 0);
        }
    }

    @Test
    void adamw_changesWhatNetworksRead() {
        try (Parameters parameters = pair();
                GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Tensor a = parameters.all().get("m.a").get();
            Tensor zero = a.mul(0);
            Tensor settings = Tensor.of(Compute.cpu(), new double[] {0.1, 0.9, 0.999, 1e-8, 0.5, 1}, 6);
            a.adamw(a.detach(), zero, zero.copy(), settings);

            // 1 - 0.1 * 0.5, then a first step of the rate's size against the gradient's sign
            assertThat(parameters.weights().get("m.a", 2).get().toFloats())
                    .containsExactly(new float[] {0.85f, 1.8f}, within(1e-6f));
        }
    }

    @Test
    void weights_knowNamesAndShapes() {
        try (Parameters parameters = pair()) {
            assertThat(parameters.all().keySet()).containsExactly("m.a", "m.b");
            assertThat(parameters.weights().has("m.b")).isTrue();
            assertThat(parameters.weights().has("m.c")).isFalse();
            assertThatThrownBy(() -> parameters.weights().get("m.c", 1))
                    .isInstanceOf(SafetensorsException.class)
                    .hasMessage("parameters: m.c: missing");
        }
    }
}
