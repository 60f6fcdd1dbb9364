package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class ShapesStudyTest {
    @Test
    void expectedBest_equalsTheMeanOverAllSubsets() {
        boolean[] outcomes = {false, true, true, false, true, false, false};
        for (int n = 1; n <= outcomes.length; n++) {
            int subsets = 0;
            int shown = 0;
            for (int mask = 1; mask < 1 << outcomes.length; mask++) {
                if (Integer.bitCount(mask) == n) {
                    subsets++;
                    shown += outcomes[Integer.numberOfTrailingZeros(mask)] ? 1 : 0;
                }
            }
            assertThat(ShapesStudy.expectedBest(outcomes, n)).isCloseTo((double) shown / subsets, within(1e-12));
        }
    }
}
