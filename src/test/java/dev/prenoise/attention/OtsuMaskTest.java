package dev.prenoise.attention;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OtsuMaskTest {
    @Test
    void of_twoLevels_keepsTheLowerBinsToo() {
        // v = 25 four times, 76 twice, 229 twice: parting {25, 76} from {229} beats {25} from {76, 229}, and bin 76
        // itself is foreground.
        double[] map = {0.1, 0.1, 0.1, 0.1, 0.3, 0.3, 0.9, 0.9};
        assertThat(OtsuMask.threshold(map)).isEqualTo(76);
        assertThat(OtsuMask.of(map)).containsExactly(false, false, false, false, true, true, true, true);
    }

    @Test
    void of_constantMap_isAllForeground() {
        double[] map = new double[9];
        Arrays.fill(map, 0.4);
        assertThat(OtsuMask.threshold(map)).isZero();
        assertThat(OtsuMask.of(map)).containsOnly(true);
    }

    @Test
    void of_faintMap_isAllForeground() {
        // Below 1/255 everything is in bin 0.
        double[] map = {0.001, 0.002, 0.0039, 0.0005};
        assertThat(OtsuMask.of(map)).containsOnly(true);
    }

    /** What OpenCV 5.0's THRESH_OTSU gives on these 16-bit images, filled by {@code (i * a + b) mod m}. */
    @ParameterizedTest
    @CsvSource({
        "256, 1, 0, 256, 105",
        "256, 7, 3, 251, 128",
        "256, 13, 5, 97, 51",
        "64, 3, 100, 131, 60",
        "576, 11, 2, 211, 107",
        "1024, 5, 9, 255, 134",
        "256, 4, 0, 8, 0",
        "36, 29, 17, 241, 123"
    })
    void threshold_equalsOpenCv(int size, int a, int b, int m, int expected) {
        double[] map = new double[size];
        for (int i = 0; i < size; i++) {
            map[i] = ((i * i * a + b) % m + 0.5) / 255;
        }
        assertThat(OtsuMask.threshold(map)).isEqualTo(expected);
    }
}
