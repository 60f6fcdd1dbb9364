package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.shapes.Interval;
import dev.prenoise.shapes.Statistics;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class CrossingTest {
    /** By prompt and seed: what each seed brings to all prompts, and chance. */
    private static double[][] values(int prompts, double[] bySeed, double chance) {
        SplittableRandom random = new SplittableRandom(7);
        double[][] values = new double[prompts][bySeed.length];
        for (double[] row : values) {
            for (int s = 0; s < row.length; s++) {
                row[s] = bySeed[s] + chance * random.nextDouble();
            }
        }
        return values;
    }

    @Test
    void mean_whereSeedsMoveAllPrompts_isAsUncertainAsTheSeeds() {
        double[][] values = values(200, new double[] {0.04, 0.12, -0.05, 0.13}, 0.01);

        Interval both = new Crossing(true).mean(values);
        Interval promptsAlone = new Crossing(false).mean(values);

        assertThat(both.estimate()).isEqualTo(promptsAlone.estimate()).isCloseTo(0.065, within(0.001));
        // the mean of four draws of the four: the percentiles of their 256 means
        assertThat(both.low()).isCloseTo(-0.0075 + 0.005, within(0.01));
        assertThat(both.high()).isCloseTo(0.1275, within(0.01));
        assertThat(promptsAlone.high() - promptsAlone.low()).isLessThan(0.001);
    }

    @Test
    void mean_whereNoSeedIsSpecial_isAboutAsUncertainAsItIsByPrompts() {
        double[][] values = values(200, new double[4], 1);

        Interval both = new Crossing(true).mean(values);
        Interval promptsAlone = new Crossing(false).mean(values);

        double width = promptsAlone.high() - promptsAlone.low();
        // it counts what is chance of a single picture once for each factor
        assertThat(both.high() - both.low()).isBetween(width, 2.2 * width);
    }

    @Test
    void mean_ofOneSeed_isTheBootstrapOverPrompts() {
        double[][] values = values(30, new double[1], 1);
        double[] flat = new double[30];
        for (int i = 0; i < 30; i++) {
            flat[i] = values[i][0];
        }

        Interval one = new Crossing(true).mean(values);
        Interval expected = Statistics.mean(flat, 2000, 1);

        assertThat(one.estimate()).isCloseTo(expected.estimate(), within(1e-12));
        assertThat(one.low()).isCloseTo(expected.low(), within(1e-12));
        assertThat(one.high()).isCloseTo(expected.high(), within(1e-12));
    }

    @Test
    void p_ofADifferenceThatOneSeedMakes_isLargeWhereSeedsAreShared() {
        double[][] control = values(200, new double[4], 0.1);
        double[][] treated = values(200, new double[] {0, 0, 0, 0.4}, 0.1);

        assertThat(new Crossing(true).p(control, treated)).isGreaterThan(0.2);
        assertThat(new Crossing(false).p(control, treated)).isLessThan(0.001);
    }

    @Test
    void p_ofADifferenceThatAllSeedsMake_isSmall() {
        double[][] control = values(200, new double[4], 0.1);
        double[][] treated = values(200, new double[] {0.1, 0.2, 0.15, 0.12}, 0.1);

        assertThat(new Crossing(true).p(control, treated)).isLessThan(0.002);
        assertThat(new Crossing(true).p(control, control)).isEqualTo(1);
    }

    @Test
    void difference_isPairedByPromptAndSeed() {
        double[][] control = values(50, new double[] {0.5, -0.5}, 1);
        double[][] treated = new double[50][];
        for (int i = 0; i < 50; i++) {
            treated[i] = new double[] {control[i][0] + 0.25, control[i][1] + 0.25};
        }

        Interval gain = new Crossing(true).difference(control, treated);

        assertThat(gain.low()).isCloseTo(0.25, within(1e-12));
        assertThat(gain.high()).isCloseTo(0.25, within(1e-12));
    }

    @Test
    void statistic_ofAllThatIsThere_isTheEstimate() {
        double[][] values = values(10, new double[] {1, 2, 3}, 0);

        Interval largest =
                new Crossing(true).statistic(10, 3, chosen -> chosen.seeds().length * 100 + chosen.prompts().length);

        assertThat(largest).isEqualTo(new Interval(310, 310, 310));
        assertThat(new Crossing(true)
                        .statistic(10, 3, chosen -> chosen.mean(values))
                        .estimate())
                .isCloseTo(2, within(1e-12));
    }
}
