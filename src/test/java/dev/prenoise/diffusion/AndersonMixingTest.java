package dev.prenoise.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class AndersonMixingTest {
    private static float[] solve(UnaryOperator<float[]> g, float[] start, int batch, int calls) {
        AndersonMixing mixing = new AndersonMixing(batch);
        float[] x = start;
        for (int call = 0; call < calls; call++) {
            x = mixing.next(x, g.apply(x));
        }
        return x;
    }

    /** Iterated it runs away from its fixed point, (1, -1). */
    private static float[] runaway(float[] x) {
        return new float[] {-2 * (x[0] - 1) + 1, -2 * (x[1] + 1) - 1};
    }

    @Test
    void next_ofAMapThatRunsAwayAlike_isItsFixedPointAfterTwoCalls() {
        assertThat(solve(AndersonMixingTest::runaway, new float[] {5, 3}, 1, 2)).satisfies(x -> {
            assertThat(x[0]).isCloseTo(1, within(1e-5f));
            assertThat(x[1]).isCloseTo(-1, within(1e-5f));
        });
    }

    @Test
    void next_ofACurvedMap_settlesSoonerThanIterating() {
        UnaryOperator<float[]> cosine = x -> new float[] {(float) Math.cos(x[0])};
        float plain = 0;
        for (int call = 0; call < 4; call++) {
            plain = (float) Math.cos(plain);
        }
        float fixed = 0.739085133f;
        float mixed = solve(cosine, new float[] {0}, 1, 4)[0];
        assertThat(Math.abs(mixed - fixed)).isLessThan(0.1f * Math.abs(plain - fixed));
    }

    @Test
    void next_ofABatch_isThatOfEachElementAlone() {
        UnaryOperator<float[]> each = x -> {
            float[] g = new float[x.length];
            for (int i = 0; i < x.length; i += 2) {
                float[] part = runaway(Arrays.copyOfRange(x, i, i + 2));
                g[i] = part[0] + 0.1f * x[i] * x[i];
                g[i + 1] = part[1];
            }
            return g;
        };
        float[] together = solve(each, new float[] {5, 3, -1, 0.5f}, 2, 4);
        assertThat(Arrays.copyOfRange(together, 0, 2)).containsExactly(solve(each, new float[] {5, 3}, 1, 4));
        assertThat(Arrays.copyOfRange(together, 2, 4)).containsExactly(solve(each, new float[] {-1, 0.5f}, 1, 4));
    }

    @Test
    void next_atTheFixedPoint_staysThere() {
        assertThat(solve(AndersonMixingTest::runaway, new float[] {1, -1}, 1, 5))
                .containsExactly(1, -1);
    }
}
