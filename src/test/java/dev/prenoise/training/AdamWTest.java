package dev.prenoise.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Parameters;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AdamWTest {
    private static final double[] GRADIENTS = {0.5, -2, 0.01, 0.3};

    /** Algorithm 2 of Loshchilov and Hutter 2019 as it stands there, in doubles. */
    private static double byHand(double value, double rate, double decay) {
        double m = 0;
        double v = 0;
        for (int t = 1; t <= GRADIENTS.length; t++) {
            double g = GRADIENTS[t - 1];
            m = 0.9 * m + 0.1 * g;
            v = 0.98 * v + 0.02 * g * g;
            double mHat = m / (1 - Math.pow(0.9, t));
            double vHat = v / (1 - Math.pow(0.98, t));
            value -= rate * (mHat / (Math.sqrt(vHat) + 1e-8) + decay * value);
        }
        return value;
    }

    @Test
    void step_severalTimes_isTheFormula_andMatricesAloneDecay() {
        try (Parameters parameters = new Parameters(
                        Compute.cpu(), Map.of("matrix", List.of(1L, 1L), "vector", List.of(1L)), (name, shape) ->
                                new float[] {2});
                GradMode off = GradMode.off();
                AdamW optimiser = new AdamW(parameters, 0.1, AdamW.Moments::zeros);
                Scope scope = new Scope()) {
            for (int step = 0; step < GRADIENTS.length; step++) {
                float[] gradient = {(float) GRADIENTS[step]};
                optimiser.step(
                        Map.of(
                                "matrix", Tensor.of(Compute.cpu(), gradient, 1, 1),
                                "vector", Tensor.of(Compute.cpu(), gradient, 1)),
                        0.05,
                        step);
            }
            assertThat((double) parameters.all().get("matrix").get().toFloats()[0])
                    .isEqualTo(byHand(2, 0.05, 0.1), within(1e-6));
            assertThat((double) parameters.all().get("vector").get().toFloats()[0])
                    .isEqualTo(byHand(2, 0.05, 0), within(1e-6));
        }
    }
}
