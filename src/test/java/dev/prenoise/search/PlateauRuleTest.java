package dev.prenoise.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlateauRuleTest {
    @Test
    void levelsOff_climb_endsWhenTheLastThirdGainedLittle() {
        PlateauRule rule = new PlateauRule(0.05);
        double[] steady = IntStream.rangeClosed(0, 60).mapToDouble(i -> i).toArray();
        assertThat(rule.levelsOff(steady, false)).isFalse();
        double[] settled =
                IntStream.rangeClosed(0, 60).mapToDouble(i -> Math.min(i, 40)).toArray();
        assertThat(rule.levelsOff(settled, false)).isTrue();
        assertThat(rule.levelsOff(Arrays.copyOf(settled, 55), false)).isFalse();
        assertThat(rule.levelsOff(Arrays.stream(settled).map(x -> -x).toArray(), true))
                .isTrue();
        assertThat(rule.levelsOff(Arrays.stream(steady).map(x -> -x).toArray(), true))
                .isFalse();
    }

    @Test
    void levelsOff_noGainAtAll_endsAfterEightRounds() {
        assertThat(PlateauRule.DEFAULT.levelsOff(new double[8], false)).isFalse();
        assertThat(PlateauRule.DEFAULT.levelsOff(new double[9], false)).isTrue();
        assertThat(PlateauRule.DEFAULT.levelsOff(new double[0], false)).isFalse();
        double[] unjudged = new double[30];
        Arrays.fill(unjudged, Double.NaN);
        assertThat(PlateauRule.DEFAULT.levelsOff(unjudged, false)).isFalse();
    }

    @Test
    void nextCheckpoint_each_growsByHalfOrAThird() {
        int[] checkpoints = new int[8];
        for (int i = 0; i < checkpoints.length; i++) {
            checkpoints[i] = PlateauRule.nextCheckpoint(i == 0 ? 0 : checkpoints[i - 1]);
        }
        assertThat(checkpoints).containsExactly(8, 12, 16, 24, 32, 48, 64, 96);
        assertThat(IntStream.range(0, 500)).allMatch(n -> PlateauRule.nextCheckpoint(n) > n);
    }

    @Test
    void estimate_scaledAndShifted_scalesWithThem() {
        double[] scores = normal(1, 48);
        PlateauRule.Estimate plain = PlateauRule.estimate(scores, true);
        double[] moved = Arrays.stream(scores).map(score -> 1e-4 * score + 7).toArray();
        PlateauRule.Estimate scaled = PlateauRule.estimate(moved, true);
        assertThat(scaled.relative()).isEqualTo(plain.relative(), within(1e-9));
        assertThat(scaled.expectedGain()).isEqualTo(1e-4 * plain.expectedGain(), within(1e-12));
        assertThat(scaled.gainSoFar()).isEqualTo(1e-4 * plain.gainSoFar(), within(1e-12));
    }

    @Test
    void estimate_higherIsBetter_isTheMirrorImage() {
        double[] scores = normal(2, 32);
        double[] mirrored = Arrays.stream(scores).map(score -> -score).toArray();
        assertThat(PlateauRule.estimate(mirrored, false)).isEqualTo(PlateauRule.estimate(scores, true));
    }

    @Test
    void estimate_orderOfScores_doesNotMatter() {
        double[] scores = normal(3, 24);
        double[] sorted = scores.clone();
        Arrays.sort(sorted);
        assertThat(PlateauRule.estimate(sorted, true)).isEqualTo(PlateauRule.estimate(scores, true));
    }

    @Test
    void estimate_luckyBest_expectsLess() {
        double[] scores = normal(4, 32);
        double best = Arrays.stream(scores).min().orElseThrow();
        double[] lucky = Arrays.stream(scores)
                .map(score -> score == best ? best - 1.5 : score)
                .toArray();
        assertThat(PlateauRule.estimate(lucky, true).expectedGain())
                .isLessThan(PlateauRule.estimate(scores, true).expectedGain());
    }

    @Test
    void estimate_hardEdgeReached_expectsLessThanAnOpenTail() {
        double[] bounded = IntStream.range(0, 32).mapToDouble(i -> i / 32.0).toArray();
        double[] open = IntStream.range(0, 32)
                .mapToDouble(i -> Math.log((i + 0.5) / 32))
                .toArray();
        assertThat(PlateauRule.estimate(bounded, true).relative()).isLessThan(0.08);
        assertThat(PlateauRule.estimate(open, true).relative()).isGreaterThan(0.09);
    }

    @Test
    void estimate_allEqual_expectsNothing() {
        double[] scores = new double[16];
        Arrays.fill(scores, 0.25);
        assertThat(PlateauRule.estimate(scores, true)).isEqualTo(new PlateauRule.Estimate(0, 0, 8));
        assertThat(PlateauRule.DEFAULT.stopsAfter(scores, true)).isTrue();
    }

    @Test
    void estimate_fewFiniteScores_saysNothing() {
        double[] scores = normal(5, 12);
        Arrays.fill(scores, 0, 5, Double.NaN);
        PlateauRule.Estimate estimate = PlateauRule.estimate(scores, true);
        assertThat(estimate.relative()).isNaN();
        assertThat(PlateauRule.DEFAULT.stopsAfter(scores, true)).isFalse();
    }

    @Test
    void estimate_scoresThatAreNotFinite_countAsDrawsWithoutGain() {
        double[] scores = normal(6, 32);
        double[] padded = Arrays.copyOf(scores, 64);
        Arrays.fill(padded, 32, 64, Double.POSITIVE_INFINITY);
        double half = PlateauRule.estimate(padded, true).expectedGain();
        assertThat(half).isFinite().isPositive();
        // twice the horizon at half the rate
        assertThat(half).isEqualTo(PlateauRule.estimate(scores, true).expectedGain(), within(0.1 * half));
    }

    @Test
    void stopsAfter_betweenCheckpoints_never() {
        assertThat(IntStream.range(0, 100)
                        .filter(n -> PlateauRule.DEFAULT.stopsAfter(new double[n], true))
                        .toArray())
                .containsExactly(8, 12, 16, 24, 32, 48, 64, 96);
    }

    @Test
    void rule_thresholdNotPositive_rejected() {
        assertThatThrownBy(() -> new PlateauRule(0)).hasMessage("threshold: 0.0 (expected: > 0)");
    }

    @Test
    void estimate_drawnRuns_withinTheErrorThatIsStated() {
        Map<String, List<PlateauStudy.Run>> runs = PlateauStudy.drawnRuns(60);
        runs.remove("rare mode (3 %)");
        runs.forEach((name, drawn) -> {
            PlateauStudy.Error error = PlateauStudy.error(drawn, 64);
            assertThat(error.bias()).as(name).isBetween(-7.0, 9.0);
            assertThat(error.meanAbsolute()).as(name).isLessThan(10);
        });
    }

    @Test
    void saving_looserThreshold_savesMoreAndLosesMore() {
        List<PlateauStudy.Run> runs = PlateauStudy.drawnRuns(40).get("normal");
        PlateauStudy.Saving loose = PlateauStudy.saving(runs, 0.1);
        PlateauStudy.Saving tight = PlateauStudy.saving(runs, 0.025);
        assertThat(loose.saved()).isGreaterThan(tight.saved() + 20);
        assertThat(loose.lost()).isGreaterThan(tight.lost()).isLessThan(40);
    }

    @Test
    void expectedGain_smallPool_isTheMeanOverAllPairs() {
        double[] pool = {1, 2, 4, 9};
        // minima of the six pairs: 1 1 1 2 2 4
        assertThat(PlateauStudy.expectedGain(pool, 3, 2)).isEqualTo((2 + 2 + 2 + 1 + 1) / 6.0, within(1e-12));
    }

    @Test
    void study_recordedRuns_readsEveryFormat(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("runs.jsonl");
        Files.writeString(
                file, "1,2,3\n[4, 5.5]\n\n{\"scores\": [6, 7], \"lower_is_better\": false}\n{\"scores\": [8]}\n");
        assertThat(PlateauStudy.read(file))
                .extracting(run -> Arrays.toString(run.scores()))
                .containsExactly("[1.0, 2.0, 3.0]", "[4.0, 5.5]", "[-6.0, -7.0]", "[8.0]");
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        PlateauStudy.print(
                Map.of("recorded", List.of(new PlateauStudy.Run(normal(7, 40), new double[0]))),
                new PrintStream(out, true, StandardCharsets.UTF_8));
        assertThat(out.toString(StandardCharsets.UTF_8))
                .contains("| recorded | 16 |")
                .doesNotContain("| recorded | 32 |")
                .contains("| recorded | 0.05 |");
    }

    private static double[] normal(long seed, int count) {
        SplittableRandom random = new SplittableRandom(seed);
        return IntStream.range(0, count).mapToDouble(i -> random.nextGaussian()).toArray();
    }
}
