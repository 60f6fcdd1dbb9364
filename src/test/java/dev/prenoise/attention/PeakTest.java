package dev.prenoise.attention;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class PeakTest {
    @Test
    void of_equalValues_isTheFirst() {
        assertThat(Peak.of(new double[] {0.1, 0.7, 0.3, 0.7})).isEqualTo(1);
    }

    @Test
    void component_diagonalNeighbour_isAnother() {
        boolean[] mask = mask(
                "##..", //
                "#.#.", "...#");
        assertThat(Peak.component(mask, 4, 3, 4))
                .isEqualTo(mask(
                        "##..", //
                        "#...", "...."));
    }

    @Test
    void component_rowEnds_doNotWrap() {
        boolean[] mask = mask(
                "..#", //
                "#..");
        assertThat(Peak.component(mask, 2, 2, 3))
                .isEqualTo(mask(
                        "..#", //
                        "..."));
    }

    @Test
    void component_wholeLargeGrid_needsNoRecursion() {
        boolean[] mask = new boolean[128 * 128];
        Arrays.fill(mask, true);
        assertThat(Peak.component(mask, 5000, 128, 128)).isEqualTo(mask);
    }

    @Test
    void component_peakOutsideTheMask_isEmpty() {
        assertThat(Peak.component(mask(".#"), 0, 1, 2)).containsOnly(false);
    }

    private static boolean[] mask(String... rows) {
        String all = String.join("", rows);
        boolean[] mask = new boolean[all.length()];
        for (int p = 0; p < mask.length; p++) {
            mask[p] = all.charAt(p) == '#';
        }
        return mask;
    }
}
