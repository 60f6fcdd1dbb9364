package dev.prenoise.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SmoothingTest {
    @Test
    void smooth_onePatch_spreadsByTheNegativeSquareDistance() {
        double[] map = new double[25];
        map[12] = 1;
        double[] smoothed = Smoothing.smooth(map, 5, 5);
        assertThat(smoothed[12]).isCloseTo(0.331910, Offset.offset(1e-6));
        assertThat(smoothed[7] / smoothed[12]).isCloseTo(Math.exp(-1), Offset.offset(1e-6));
        assertThat(smoothed[6] / smoothed[12]).isCloseTo(Math.exp(-2), Offset.offset(1e-6));
        assertThat(smoothed[2]).isZero();
    }

    @Test
    void smooth_rim_reflectsWithoutRepeatingTheEdge() {
        double[] map = {0, 0, 0, 0, 1, 0, 0, 0, 0};
        double corner = Smoothing.smooth(map, 3, 3)[0];
        // All four diagonal neighbours of the corner are the centre.
        assertThat(corner).isCloseTo(4 * 0.044919, Offset.offset(1e-6));
    }

    @ParameterizedTest
    @CsvSource({"2, 2", "2, 7", "5, 3", "16, 16"})
    void smooth_constantMap_staysConstant(int rows, int columns) {
        double[] map = new double[rows * columns];
        Arrays.fill(map, 0.25);
        for (double value : Smoothing.smooth(map, rows, columns)) {
            assertThat(value).isCloseTo(0.25, Offset.offset(1e-7));
        }
    }

    @ParameterizedTest
    @CsvSource({"2, 2", "2, 7", "5, 3", "16, 16"})
    void adjoint_anyMaps_isTheTranspose(int rows, int columns) {
        var random = new SplittableRandom(1);
        double[] a = random.doubles(rows * columns).toArray();
        double[] b = random.doubles(rows * columns).toArray();
        double[] smoothed = Smoothing.smooth(a, rows, columns);
        double[] back = Smoothing.adjoint(b, rows, columns);
        double left = 0;
        double right = 0;
        for (int p = 0; p < a.length; p++) {
            left += smoothed[p] * b[p];
            right += a[p] * back[p];
        }
        assertThat(left).isCloseTo(right, Offset.offset(1e-12 * right));
    }

    @Test
    void smooth_oneRow_isAnError() {
        assertThatThrownBy(() -> Smoothing.smooth(new double[4], 1, 4))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("attention grid: 1 x 4 (expected: at least 2 x 2, to smooth it)");
    }
}
