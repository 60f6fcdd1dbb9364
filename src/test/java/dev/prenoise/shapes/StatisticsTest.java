package dev.prenoise.shapes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class StatisticsTest {
    @Test
    void proportion_knownCases_equalWilsonsTable() {
        // R: prop.test(x, n, correct = FALSE)$conf.int
        assertInterval(Statistics.proportion(72, 100), 0.72, 0.6251, 0.7986, 1e-4);
        assertInterval(Statistics.proportion(0, 10), 0, 0, 0.2775, 1e-4);
        assertInterval(Statistics.proportion(10, 10), 1, 0.7225, 1, 1e-4);
    }

    @Test
    void proportion_impossible_isRejected() {
        assertThatThrownBy(() -> Statistics.proportion(5, 4)).hasMessage("successes: 5 (expected: 0 to 4)");
        assertThatThrownBy(() -> Statistics.proportion(0, 0)).hasMessage("trials: 0 (expected: >= 1)");
    }

    @Test
    void mean_normalValues_hasTheStandardErrorsInterval() {
        Draws draws = Draws.of("test", 1, 0, 0);
        double[] values = new double[400];
        for (int i = 0; i < values.length; i++) {
            values[i] = 3 + 2 * draws.gaussian();
        }

        Interval interval = Statistics.mean(values, 4000, 5);

        assertThat(interval.estimate()).isCloseTo(3, within(0.3));
        assertThat(interval.high() - interval.low()).isCloseTo(2 * 1.96 * 2 / 20, within(0.05));
        assertThat(Statistics.mean(values, 4000, 5)).isEqualTo(interval);
        assertThat(Statistics.mean(values, 4000, 6)).isNotEqualTo(interval);
    }

    @Test
    void mean_bootstrap_coversTheTruthInNineteenOfTwenty() {
        int covered = 0;
        for (int study = 0; study < 300; study++) {
            Draws draws = Draws.of("coverage", 1, 0, study);
            double[] values = new double[60];
            for (int i = 0; i < values.length; i++) {
                values[i] = draws.unit() < 0.7 ? 1 : 0;
            }
            Interval interval = Statistics.mean(values, 500, study);
            covered += interval.low() <= 0.7 && 0.7 <= interval.high() ? 1 : 0;
        }

        assertThat(covered / 300.0).isBetween(0.9, 0.99);
    }

    @Test
    void difference_paired_isNarrowerThanItsPartsAre() {
        Draws draws = Draws.of("paired", 1, 0, 0);
        double[] control = new double[200];
        double[] treated = new double[200];
        for (int i = 0; i < control.length; i++) {
            control[i] = 10 * draws.gaussian();
            treated[i] = control[i] + 1 + 0.1 * draws.gaussian();
        }

        assertInterval(Statistics.difference(control, treated, 2000, 1), 1, 0.98, 1.02, 0.03);
    }

    @Test
    void difference_unequalLengths_isRejected() {
        assertThatThrownBy(() -> Statistics.difference(new double[2], new double[3], 10, 1))
                .hasMessage("treated: 3 values (expected: 2, as many as control)");
    }

    private static void assertInterval(Interval interval, double estimate, double low, double high, double within) {
        assertThat(interval.estimate()).isCloseTo(estimate, within(within));
        assertThat(interval.low()).isCloseTo(low, within(within));
        assertThat(interval.high()).isCloseTo(high, within(within));
    }

    @Test
    void auc_isTheShareOfPairsInOrder_tiesCountHalf() {
        boolean[] positive = {true, false, true, false};
        assertThat(Statistics.auc(new double[] {4, 1, 3, 2}, positive)).isEqualTo(1);
        assertThat(Statistics.auc(new double[] {1, 4, 2, 3}, positive)).isEqualTo(0);
        assertThat(Statistics.auc(new double[] {7, 7, 7, 7}, positive)).isEqualTo(0.5);
        assertThat(Statistics.auc(new double[] {3, 1, 2, 2}, positive)).isEqualTo(3.5 / 4);
        assertThat(Statistics.auc(new double[] {1, 2}, new boolean[] {true, true}))
                .isNaN();
    }

    @Test
    void spearman_ofRanksWithTies_isPearsonsOfMeanRanks() {
        assertThat(Statistics.spearman(new double[] {1, 10, 100}, new double[] {2, 3, 4}))
                .isEqualTo(1, within(1e-12));
        assertThat(Statistics.spearman(new double[] {1, 10, 100}, new double[] {4, 3, 2}))
                .isEqualTo(-1, within(1e-12));
        // ranks 1.5, 1.5, 3, 4 and 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5)
        assertThat(Statistics.spearman(new double[] {5, 5, 6, 7}, new double[] {1, 2, 3, 4}))
                .isEqualTo(Math.sqrt(0.9), within(1e-12));
    }

    @Test
    void clusters_thatAreAlike_haveNoSpread_andUndefinedResamplesAreLeftOut() {
        Interval alike = Statistics.clusters(5, chosen -> chosen.length, 200, 1);
        assertThat(alike).isEqualTo(new Interval(5, 5, 5));

        Interval some =
                Statistics.clusters(2, chosen -> chosen[0] == chosen[1] ? Double.NaN : chosen[0] + chosen[1], 200, 1);
        assertThat(some).isEqualTo(new Interval(1, 1, 1));
    }

    @Test
    void pairedTest_countsTheFlipsThatReachAsFar() {
        double[] none = new double[10];
        double[] ones = new double[10];
        Arrays.fill(ones, 1);

        // 2 of 1024 assignments of signs
        assertThat(Statistics.pairedTest(none, ones, 100_000, 1)).isBetween(0.0014, 0.0026);
        assertThat(Statistics.pairedTest(ones, none, 100_000, 1)).isBetween(0.0014, 0.0026);
        assertThat(Statistics.pairedTest(ones, ones, 100, 1)).isEqualTo(1);
    }

    @Test
    void holm_correctsEachForHowManyAreLeft() {
        assertThat(Statistics.holm(new double[] {0.01, 0.04, 0.03, 0.9})).containsExactly(0.04, 0.09, 0.09, 0.9);
    }
}
