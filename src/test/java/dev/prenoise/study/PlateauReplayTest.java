package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.attention.LossForm;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.search.BestOfN;
import dev.prenoise.search.Budget;
import dev.prenoise.search.Candidate;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.Outcome;
import dev.prenoise.search.PlateauRule;
import dev.prenoise.search.SearchObserver;
import dev.prenoise.search.SeededCandidates;
import dev.prenoise.search.Spend;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlateauReplayTest {
    private static final int N = 200;
    private static final Strategy RANK =
            new Strategy("conform", Strategy.Kind.RANK, "conform", LossForm.RANKING, List.of());
    private static final Strategy OPTIMIZE =
            new Strategy("steps", Strategy.Kind.OPTIMIZE, "initno", LossForm.RANKING, List.of());
    private static final Strategy FOLLOW =
            new Strategy("random", Strategy.Kind.FOLLOW, "", LossForm.RANKING, List.of("oracle"));

    /** Scores that were drawn before, in the order in which they are asked. */
    private static final class Told implements Evaluator {
        private final double[] scores;
        private final boolean lower;
        private int next;

        Told(double[] scores, boolean lower) {
            this.scores = scores;
            this.lower = lower;
        }

        @Override
        public int maxBatch() {
            return 7;
        }

        @Override
        public boolean lowerIsBetter() {
            return lower;
        }

        @Override
        public boolean differentiable() {
            return false;
        }

        @Override
        public Spend cost() {
            return new Spend(1, 0, 1, 1);
        }

        @Override
        public List<Evaluation> evaluate(List<Noise> noises) {
            return noises.stream()
                    .map(noise -> new Evaluation(scores[next++], Map.of(), null))
                    .toList();
        }

        @Override
        public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
            throw new UnsupportedOperationException();
        }
    }

    private record Watching(List<Candidate> seen) implements SearchObserver {
        @Override
        public void scored(Candidate candidate, boolean bestSoFar, Spend spend) {
            seen.add(candidate);
        }

        @Override
        public boolean stopRequested() {
            return false;
        }
    }

    private static double[] scores(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        // from a hard edge to a long tail
        return IntStream.range(0, N)
                .mapToDouble(i -> Math.pow(random.nextDouble(), 0.3 + seed % 5))
                .toArray();
    }

    private static UnitResult.Row row(int index, double score, int losses, boolean success, List<Double> values) {
        return new UnitResult.Row(1, index, score, losses, 0, success, values, "");
    }

    /** Rows with and without values, as two kinds of study leave them. */
    private static List<UnitResult.Row> ranked(double[] scores, boolean recordsAlone) {
        List<UnitResult.Row> rows = new ArrayList<>();
        double best = Double.POSITIVE_INFINITY;
        for (int k = 0; k < scores.length; k++) {
            boolean record = scores[k] < best;
            best = Math.min(best, scores[k]);
            rows.add(row(k, scores[k], 1, false, record && recordsAlone ? List.of(10.0 * k) : List.of()));
        }
        return rows;
    }

    private static List<UnitResult.Row> pool(int count) {
        return IntStream.range(0, count)
                .mapToObj(k -> row(k, Double.NaN, 0, false, List.of(10.0 * k)))
                .toList();
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.02, 0.05, 0.1, 0.3})
    void stop_isWhereTheProductsSearchEnds(double threshold) {
        PlateauRule rule = new PlateauRule(threshold);
        List<Integer> stops = new ArrayList<>();
        for (long seed = 0; seed < 20; seed++) {
            double[] scores = scores(seed);
            List<Candidate> seen = new ArrayList<>();
            SeededCandidates source = SeededCandidates.of(seed, NoiseSource.TORCH_CPU, new long[] {1, 1, 2, 2});
            Outcome outcome = new BestOfN(rule)
                    .search(source, new Told(scores, true), new Budget(N, 0, Duration.ZERO, true), new Watching(seen));

            PlateauReplay all = PlateauReplay.of(RANK, pool(N), ranked(scores, false), List.of("oracle"), N)
                    .orElseThrow();
            PlateauReplay records = PlateauReplay.of(RANK, pool(1), ranked(scores, true), List.of("oracle"), N)
                    .orElseThrow();
            assertThat(all.stop(rule)).isEqualTo(seen.size()).isEqualTo(records.stop(rule));
            assertThat(all.value(0, all.stop(rule)))
                    .isEqualTo(10.0 * outcome.ranked().get(0).index())
                    .isEqualTo(records.value(0, all.stop(rule)));
            stops.add(seen.size());
        }
        assertThat(stops).as("a rule that stops here and there").anyMatch(stop -> stop < N);
    }

    @Test
    void stop_ofRandomSearch_followsTheVerifierUpwards() {
        double[] scores = scores(3);
        List<UnitResult.Row> pool = IntStream.range(0, N)
                .mapToObj(k -> row(k, Double.NaN, 0, false, List.of(10.0 * k, -scores[k])))
                .toList();
        List<String> metrics = List.of("complete", "oracle");

        PlateauReplay up = PlateauReplay.of(FOLLOW, pool, pool, metrics, N).orElseThrow();
        PlateauReplay down = PlateauReplay.of(RANK, pool(N), ranked(scores, false), metrics, N)
                .orElseThrow();

        assertThat(up.stop(PlateauRule.DEFAULT)).isEqualTo(down.stop(PlateauRule.DEFAULT));
        assertThat(up.value(0, 50)).isEqualTo(down.value(0, 50));
        assertThat(up.spent(12)).isEqualTo(12);
    }

    @Test
    void starts_endWithASuccessOrWhereTheNextIsNotPaid() {
        List<UnitResult.Row> starts = IntStream.range(0, 30)
                .mapToObj(k -> row(k, 1.0 / (1 + k), k == 17 ? 4 : 10, k == 17, List.of((double) k)))
                .toList();

        PlateauReplay success = PlateauReplay.of(OPTIMIZE, pool(300), starts, List.of("oracle"), 300)
                .orElseThrow();
        PlateauReplay paid = PlateauReplay.of(OPTIMIZE, pool(45), starts, List.of("oracle"), 45)
                .orElseThrow();

        assertThat(success.whole()).isEqualTo(18);
        assertThat(success.spent(success.whole())).isEqualTo(174);
        assertThat(success.value(0, 25)).isEqualTo(17);
        assertThat(paid.whole()).isEqualTo(4);
        assertThat(PlateauReplay.of(OPTIMIZE, pool(9), starts, List.of("oracle"), 9))
                .isEmpty();
    }

    @Test
    void starts_cutTheLastShort() {
        List<UnitResult.Row> starts = IntStream.range(0, 5)
                .mapToObj(k -> new UnitResult.Row(
                        1,
                        k,
                        1.0 / (1 + k),
                        10,
                        0,
                        false,
                        List.of((double) k),
                        "",
                        List.of(new UnitResult.Cut(5, 1.2 / (1 + k), List.of(k + 0.5), ""))))
                .toList();

        PlateauReplay paid = PlateauReplay.of(OPTIMIZE, pool(45), starts, List.of("oracle"), 45)
                .orElseThrow();

        assertThat(paid.whole()).isEqualTo(5);
        assertThat(paid.spent(5)).isEqualTo(45);
        assertThat(paid.value(0, 5)).isEqualTo(4.5);
        assertThat(paid.value(0, 4)).isEqualTo(3);
        assertThat(PlateauReplay.of(OPTIMIZE, pool(4), starts, List.of("oracle"), 4))
                .isEmpty();
    }

    @Test
    void gainLost_isThePartOfTheGainOverTheMean() {
        double[] scores = {5, 4, 6, 2, 3};
        PlateauReplay replay = PlateauReplay.of(RANK, pool(5), ranked(scores, false), List.of("oracle"), 5)
                .orElseThrow();

        // the mean is 4, the best 2
        assertThat(replay.gainLost(2)).isCloseTo(1, within(1e-12));
        assertThat(replay.gainLost(4)).isZero();
        assertThat(Arrays.stream(new int[] {1, 2, 3, 4, 5})
                        .mapToDouble(n -> replay.value(0, n))
                        .toArray())
                .containsExactly(0, 10, 10, 30, 30);
    }

    @Test
    void gainLost_isOfWhatCouldBeScored() {
        double[] scores = {Double.NaN, 5, 4, 6, Double.NaN, 2, 3};
        double[] none = {Double.NaN, Double.NaN};
        PlateauReplay some = PlateauReplay.of(RANK, pool(7), ranked(scores, false), List.of("oracle"), 7)
                .orElseThrow();
        PlateauReplay nothing = PlateauReplay.of(RANK, pool(2), ranked(none, false), List.of("oracle"), 2)
                .orElseThrow();

        assertThat(some.gainLost(3)).isCloseTo(1, within(1e-12));
        assertThat(some.gainLost(2)).isCloseTo(1.5, within(1e-12));
        assertThat(some.gainLost(6)).isZero();
        assertThat(nothing.gainLost(1)).isNaN();
    }
}
