package dev.prenoise.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class InitNoOptimizerTest {
    private static final InitNoParameters PARAMETERS = InitNoParameters.DEFAULT;

    private record Golden(
            String name, double[] z, double[] w, Map<Integer, double[]> iterates, List<Integer> kl_steps) {}

    @Test
    void step_oneToTen_equalsTorch() throws IOException {
        for (Golden golden : goldens()) {
            InitNoOptimizer optimizer = new InitNoOptimizer(floats(golden.z()), PARAMETERS);
            for (int step = 1; step <= 10; step++) {
                int klSteps = optimizer.step(slope(golden.w(), optimizer.candidate()));
                assertThat(klSteps)
                        .as(golden.name() + ", step " + step)
                        .isEqualTo(golden.kl_steps().get(step - 1));
                double[] expected = golden.iterates().get(step);
                if (expected != null) {
                    double[] actual = doubles(optimizer.candidate());
                    assertThat(actual).as(golden.name() + ", step " + step).containsExactly(expected, within(1e-6));
                }
            }
        }
    }

    @Test
    void candidate_beforeAnyStep_isTheStart() {
        float[] start = {0.1f, 0, Float.MIN_VALUE, -3.25f};
        assertThat(new InitNoOptimizer(start, PARAMETERS).candidate()).containsExactly(start);
    }

    @Test
    void step_steepLoss_staysUnderTheKlThreshold() {
        float[] start = new Fakes.Source().draw(3).data();
        InitNoOptimizer optimizer = new InitNoOptimizer(start, PARAMETERS);
        int klSteps = 0;
        for (int step = 0; step < 12; step++) {
            float[] slope = new float[start.length];
            for (int i = 0; i < slope.length; i++) {
                slope[i] = 50 * optimizer.candidate()[i];
            }
            klSteps += optimizer.step(slope);
            assertThat(optimizer.kl()).isBetween(1e-6, 1e-3);
        }
        assertThat(klSteps).isPositive();
    }

    @Test
    void step_projectionBounded_isScaledBackAtTheBound() {
        InitNoParameters bounded = new InitNoParameters(0.5, 1e-3, 10, 0, 0.2, 0.3, 1e-3, 3, false, 0);
        InitNoOptimizer optimizer = new InitNoOptimizer(new float[] {1, -1}, bounded);
        assertThat(optimizer.step(new float[] {1, 1})).isEqualTo(3);
        assertThat(optimizer.kl()).isBetween(0.9e-3, 1e-3);
    }

    @Test
    void kl_largeLogVariance_isTheClosedForm() {
        InitNoParameters free = new InitNoParameters(0.5, 1e-9, 10, 0, 0.2, 0.3, 1e9, 0, false, 0);
        InitNoOptimizer optimizer = new InitNoOptimizer(new float[] {2}, free);
        optimizer.step(new float[] {-1});
        // the first step of Adam is the learning rate: mu and log variance are both 0.5
        assertThat(optimizer.kl()).isEqualTo((0.25 + Math.exp(0.5) - 1 - 0.5) / 2, within(1e-8));
        assertThat(optimizer.candidate()[0]).isEqualTo((float) (2 * Math.exp(0.25) + 0.5), within(1e-6f));
    }

    private static float[] slope(double[] w, float[] candidate) {
        float[] slope = new float[w.length];
        for (int i = 0; i < w.length; i++) {
            slope[i] = (float) (3 * w[i] * Math.cos(3 * candidate[i] + w[i]));
        }
        return slope;
    }

    private static List<Golden> goldens() throws IOException {
        try (Reader reader = new InputStreamReader(
                InitNoOptimizerTest.class.getResourceAsStream("/search/initno_adam.json"), StandardCharsets.UTF_8)) {
            return new Gson().fromJson(reader, new TypeToken<List<Golden>>() {});
        }
    }

    private static float[] floats(double[] values) {
        float[] floats = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }

    private static double[] doubles(float[] values) {
        double[] doubles = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            doubles[i] = values[i];
        }
        return doubles;
    }
}
