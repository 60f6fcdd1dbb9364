package dev.prenoise.shapes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class BestOfNTest {
    @Test
    void expected_everySmallCase_equalsEnumeration() {
        for (int trial = 0; trial < 60; trial++) {
            double[] losses = draw("losses", trial);
            double[] outcomes = draw("outcomes", trial);
            for (int n = 1; n <= losses.length; n++) {
                assertThat(BestOfN.expected(losses, outcomes, n))
                        .as("%s %s n=%s", Arrays.toString(losses), Arrays.toString(outcomes), n)
                        .isCloseTo(enumerated(losses, outcomes, n, false), within(1e-12));
            }
        }
    }

    @Test
    void expectedWithFirst_everySmallCase_equalsEnumeration() {
        for (int trial = 0; trial < 60; trial++) {
            double[] losses = draw("losses", trial);
            double[] outcomes = draw("outcomes", trial);
            for (int n = 1; n <= losses.length; n++) {
                assertThat(BestOfN.expectedWithFirst(losses, outcomes, n))
                        .as("%s %s n=%s", Arrays.toString(losses), Arrays.toString(outcomes), n)
                        .isCloseTo(enumerated(losses, outcomes, n, true), within(1e-12));
            }
        }
    }

    @Test
    void expected_ofAscendingLosses_isThatOfAnyOtherOrder() {
        double[] losses = {-1, 0, 0, 2, 7, Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY};
        double[] outcomes = {3, 1, 4, 1, 5, 9, 2};
        double[] backwards = new double[7];
        double[] backwardOutcomes = new double[7];
        Arrays.setAll(backwards, i -> losses[6 - i]);
        Arrays.setAll(backwardOutcomes, i -> outcomes[6 - i]);
        for (int n = 1; n <= 7; n++) {
            assertThat(BestOfN.expected(losses, outcomes, n))
                    .isCloseTo(BestOfN.expected(backwards, backwardOutcomes, n), within(1e-12));
        }
    }

    @Test
    void expected_ofOne_isTheMean() {
        assertThat(BestOfN.expected(new double[] {3, 1, 2}, new double[] {0, 1, 1}, 1))
                .isCloseTo(2 / 3.0, within(1e-12));
        assertThat(BestOfN.expectedWithFirst(new double[] {3, 1, 2}, new double[] {0, 1, 1}, 1))
                .isZero();
    }

    @Test
    void expected_ofAll_isTheBest() {
        assertThat(BestOfN.expected(new double[] {3, 1, 2}, new double[] {0, 5, 1}, 3))
                .isEqualTo(5);
        assertThat(BestOfN.expectedWithFirst(new double[] {3, 1, 2}, new double[] {0, 5, 1}, 3))
                .isEqualTo(5);
    }

    @Test
    void expected_ofManyCandidates_staysFinite() {
        double[] losses = new double[5000];
        double[] outcomes = new double[5000];
        Arrays.setAll(losses, i -> i);
        Arrays.setAll(outcomes, i -> i);

        // The mean smallest of n from 0 to M - 1 is (M + 1) / (n + 1) - 1.
        assertThat(BestOfN.expected(losses, outcomes, 32)).isCloseTo(5001 / 33.0 - 1, within(1e-6));
        assertThat(BestOfN.expected(losses, outcomes, 2500)).isCloseTo(5001 / 2501.0 - 1, within(1e-6));
    }

    @Test
    void expected_badArguments_areRejected() {
        assertThatThrownBy(() -> BestOfN.expected(new double[2], new double[3], 1))
                .hasMessage("outcomes: 3 (expected: 2, one for each loss)");
        assertThatThrownBy(() -> BestOfN.expected(new double[2], new double[2], 3))
                .hasMessage("n: 3 (expected: 1 to 2)");
        assertThatThrownBy(() -> BestOfN.expected(new double[] {Double.NaN}, new double[1], 1))
                .hasMessage("losses: NaN (expected: numbers)");
    }

    /** One to six candidates, with ties among small whole losses. */
    private static double[] draw(String purpose, int trial) {
        Draws draws = Draws.of(purpose, 1, 0, trial);
        double[] values = new double[1 + trial % 6];
        Arrays.setAll(values, i -> draws.below(4));
        return values;
    }

    /** Over every subset of n; the first tie goes to candidate 0 where that always takes part, otherwise every tied one counts alike. */
    private static double enumerated(double[] losses, double[] outcomes, int n, boolean withFirst) {
        double sum = 0;
        int subsets = 0;
        for (int subset = 1; subset < 1 << losses.length; subset++) {
            if (Integer.bitCount(subset) != n || withFirst && (subset & 1) == 0) {
                continue;
            }
            subsets++;
            List<Integer> best = new ArrayList<>();
            for (int i = 0; i < losses.length; i++) {
                if ((subset & 1 << i) == 0) {
                    continue;
                }
                if (!best.isEmpty() && losses[i] < losses[best.get(0)]) {
                    best.clear();
                }
                if (best.isEmpty() || losses[i] == losses[best.get(0)]) {
                    best.add(i);
                }
            }
            sum += withFirst && best.contains(0)
                    ? outcomes[0]
                    : best.stream().mapToDouble(i -> outcomes[i]).average().orElseThrow();
        }
        return sum / subsets;
    }
}
