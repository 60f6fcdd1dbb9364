package dev.prenoise.verifier;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Several verifiers as one, by their mean rank: what Ma et al. (arXiv 2501.09732, section 4) call Verifier Ensemble, so that scores of any
 * scale and unit can be put together.
 *
 * <p>Each member ranks the whole pool, 1 for the best; equals share the mean of their places. A score that is not finite stands behind every
 * finite one of its member and moves nobody else; several of them share their places. The ranks' weighted mean decides; among equal means
 * the higher weighted mean z-score, then the lower index.
 *
 * <p>A rank is worth something in its pool only: one more candidate can reorder the others. So a pool that has grown is ranked again from
 * the members' scores, never by ranks that were kept. Neither the order of the pool nor a monotone change of a member's scale changes a rank
 * (the latter may change a z-score, hence an order among equal ranks). Immutable.
 */
public final class RankEnsemble {
    private final double[] weights;
    private final double sum;

    /**
     * @param weights one for each member
     * @throws IllegalArgumentException when there is none, or one is not a positive number
     */
    public RankEnsemble(List<Double> weights) {
        if (weights.isEmpty()) {
            throw new IllegalArgumentException("weights: [] (expected: at least one member)");
        }
        double lowest = Double.POSITIVE_INFINITY;
        for (int i = 0; i < weights.size(); i++) {
            double weight = weights.get(i);
            if (!(weight > 0) || !Double.isFinite(weight)) {
                throw new IllegalArgumentException("weights[" + i + "]: " + weight + " (expected: > 0)");
            }
            lowest = Math.min(lowest, weight);
        }
        double unit = lowest;
        // so that equal weights are all 1 and equal means are equal to the last bit
        this.weights = weights.stream().mapToDouble(weight -> weight / unit).toArray();
        this.sum = Arrays.stream(this.weights).sum();
    }

    /**
     * How a pool stands, one value for each candidate in the order of the pool.
     *
     * @param order indices into the pool, best first
     * @param meanRank from 1
     * @param shareBeaten the mean share of the pool that a candidate beats, equals and itself by half: {@code (n + 0.5 - meanRank) / n}, 0.5
     *     for one alone; NaN where no member could judge it
     * @param meanZ weighted mean of the members' z-scores, the worst of the member's in the place of one that is not finite; NaN where no
     *     member could judge it
     */
    @SuppressWarnings("ArrayRecordComponent") // a result that is read once
    public record Standing(int[] order, double[] meanRank, double[] shareBeaten, double[] meanZ) {}

    /**
     * @param scores {@code [members][pool]}, higher is better
     * @throws IllegalArgumentException when there is not one row for each member
     */
    public Standing rank(double[][] scores) {
        if (scores.length != weights.length) {
            throw new IllegalArgumentException(
                    "scores: " + scores.length + " members (expected: " + weights.length + ")");
        }
        int pool = scores[0].length;
        double[] meanRank = new double[pool];
        double[] meanZ = new double[pool];
        boolean[] judged = new boolean[pool];
        for (int member = 0; member < weights.length; member++) {
            if (scores[member].length != pool) {
                throw new IllegalArgumentException(
                        "scores[" + member + "]: " + scores[member].length + " candidates (expected: " + pool + ")");
            }
            addMember(scores[member], weights[member] / sum, weights[member], meanRank, meanZ, judged);
        }
        double[] shareBeaten = new double[pool];
        for (int i = 0; i < pool; i++) {
            meanRank[i] /= sum;
            shareBeaten[i] = judged[i] ? (pool + 0.5 - meanRank[i]) / pool : Double.NaN;
            meanZ[i] = judged[i] ? meanZ[i] : Double.NaN;
        }
        int[] order = IntStream.range(0, pool)
                .boxed()
                .sorted(Comparator.<Integer>comparingInt(i -> judged[i] ? 0 : 1)
                        .thenComparingDouble(i -> meanRank[i])
                        .thenComparing(Comparator.<Integer>comparingDouble(i -> meanZ[i])
                                .reversed()))
                .mapToInt(Integer::intValue)
                .toArray();
        return new Standing(order, meanRank, shareBeaten, meanZ);
    }

    /** Sums go over the sorted scores, so that they do not depend on the order of the pool. */
    private static void addMember(
            double[] scores, double share, double weight, double[] rankSum, double[] meanZ, boolean[] judged) {
        int[] places = IntStream.range(0, scores.length)
                .boxed()
                .sorted(Comparator.<Integer>comparingInt(i -> Double.isFinite(scores[i]) ? 0 : 1)
                        .thenComparing((a, b) -> Double.isFinite(scores[a]) ? descending(scores[a], scores[b]) : 0))
                .mapToInt(Integer::intValue)
                .toArray();
        int finite = 0;
        double mean = 0;
        while (finite < places.length && Double.isFinite(scores[places[finite]])) {
            finite++;
            mean += (scores[places[finite - 1]] - mean) / finite;
        }
        double squares = 0;
        for (int i = 0; i < finite; i++) {
            double away = scores[places[i]] - mean;
            squares += away * away;
        }
        double deviation = Math.sqrt(squares / Math.max(1, finite));
        int from = 0;
        while (from < places.length) {
            int to = from + 1;
            while (to < places.length
                    && (from >= finite || to < finite && scores[places[to]] == scores[places[from]])) {
                to++;
            }
            // places from + 1 to `to`, shared
            double rank = (from + 1 + to) / 2.0;
            double score = from < finite ? scores[places[from]] : finite > 0 ? scores[places[finite - 1]] : mean;
            double z = deviation > 0 && Double.isFinite(deviation) ? (score - mean) / deviation : 0;
            for (int i = from; i < to; i++) {
                rankSum[places[i]] += weight * rank;
                meanZ[places[i]] += share * z;
                judged[places[i]] |= from < finite;
            }
            from = to;
        }
    }

    /** Not Double.compare: 0.0 and -0.0 are the same score. */
    private static int descending(double a, double b) {
        return a == b ? 0 : a > b ? -1 : 1;
    }
}
