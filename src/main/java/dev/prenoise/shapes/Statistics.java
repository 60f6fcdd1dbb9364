package dev.prenoise.shapes;

import java.util.Arrays;
import java.util.Comparator;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** Estimates with 95 % confidence intervals. */
public final class Statistics {
    /** The standard normal's 97.5 % quantile. */
    private static final double Z = 1.959963984540054;

    private Statistics() {}

    /**
     * A proportion, with Wilson's score interval (1927): sound near 0 and 1, too.
     *
     * @throws IllegalArgumentException when trials is not positive or successes not among 0 to trials
     */
    public static Interval proportion(int successes, int trials) {
        if (trials < 1) {
            throw new IllegalArgumentException("trials: " + trials + " (expected: >= 1)");
        }
        if (successes < 0 || successes > trials) {
            throw new IllegalArgumentException("successes: " + successes + " (expected: 0 to " + trials + ")");
        }
        double n = trials;
        double p = successes / n;
        double centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n);
        double half = Z * Math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n);
        return new Interval(p, Math.max(0, centre - half), Math.min(1, centre + half));
    }

    /**
     * A mean of independent values, with the bootstrap's percentile interval (Efron 1979). Where several pictures share a prompt, the
     * values are the prompts' means: prompts are independent, pictures of one prompt are not.
     *
     * @param resamples draws of the bootstrap, such as 10,000
     * @throws IllegalArgumentException when there are no values or resamples
     */
    public static Interval mean(double[] values, int resamples, long seed) {
        if (values.length == 0) {
            throw new IllegalArgumentException("values: none (expected: at least one)");
        }
        if (resamples < 1) {
            throw new IllegalArgumentException("resamples: " + resamples + " (expected: >= 1)");
        }
        return mean(values, resamples(values.length, resamples, seed));
    }

    /**
     * What a bootstrap of means draws, for many means of as many values.
     *
     * @return {@code [resamples][values]}, indices of values
     */
    public static int[][] resamples(int values, int resamples, long seed) {
        return resamples("bootstrap", values, resamples, seed);
    }

    private static int[][] resamples(String purpose, int values, int resamples, long seed) {
        int[][] chosen = new int[resamples][values];
        for (int i = 0; i < resamples; i++) {
            Draws draws = Draws.of(purpose, seed, 0, i);
            for (int k = 0; k < values; k++) {
                chosen[i][k] = draws.below(values);
            }
        }
        return chosen;
    }

    /**
     * As {@link #mean(double[], int, long)}, of resamples that were drawn before.
     *
     * @param chosen of {@link #resamples(int, int, long)} for as many values
     */
    public static Interval mean(double[] values, int[][] chosen) {
        double[] means = new double[chosen.length];
        for (int i = 0; i < means.length; i++) {
            double sum = 0;
            for (int index : chosen[i]) {
                sum += values[index];
            }
            means[i] = sum / values.length;
        }
        Arrays.sort(means);
        return new Interval(
                Arrays.stream(values).average().orElseThrow(), ofSorted(means, 0.025), ofSorted(means, 0.975));
    }

    /**
     * How much better one way does than another on the same prompts: the mean of {@code treated - control}, by a paired bootstrap over
     * prompts.
     *
     * @param control one value per prompt
     * @param treated one value per prompt, in the same order
     * @throws IllegalArgumentException when they differ in length, or as {@link #mean(double[], int, long)}
     */
    public static Interval difference(double[] control, double[] treated, int resamples, long seed) {
        if (control.length != treated.length) {
            throw new IllegalArgumentException(
                    "treated: " + treated.length + " values (expected: " + control.length + ", as many as control)");
        }
        double[] differences = new double[control.length];
        Arrays.setAll(differences, i -> treated[i] - control[i]);
        return mean(differences, resamples, seed);
    }

    /**
     * How likely a mean difference as large as this one, on either side, is where the two ways do not differ: signs of the differences flipped at
     * random (Fisher 1935), with the observed ones counted in (Phipson and Smyth 2010), so that it is never 0.
     *
     * @param control one value per prompt
     * @param treated one value per prompt, in the same order
     * @param flips how many times
     * @throws IllegalArgumentException when they differ in length
     */
    public static double pairedTest(double[] control, double[] treated, int flips, long seed) {
        requireAsMany("treated", treated.length, control.length);
        double observed = 0;
        for (int i = 0; i < control.length; i++) {
            observed += treated[i] - control[i];
        }
        // sums of the same numbers in another order differ by rounding
        double reached = Math.abs(observed) * (1 - 1e-12);
        int asLarge = 1;
        for (int flip = 0; flip < flips; flip++) {
            Draws draws = Draws.of("signs", seed, 0, flip);
            double sum = 0;
            for (int i = 0; i < control.length; i++) {
                double difference = treated[i] - control[i];
                sum += draws.bits() < 0 ? -difference : difference;
            }
            asLarge += Math.abs(sum) >= reached ? 1 : 0;
        }
        return asLarge / (flips + 1.0);
    }

    /** Holm's step-down correction (1979) of p-values for how many there are, in their order. */
    public static double[] holm(double[] p) {
        int[] order = IntStream.range(0, p.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> p[i]))
                .mapToInt(Integer::intValue)
                .toArray();
        double[] corrected = new double[p.length];
        double largest = 0;
        for (int rank = 0; rank < order.length; rank++) {
            largest = Math.max(largest, Math.min(1, (p.length - rank) * p[order[rank]]));
            corrected[order[rank]] = largest;
        }
        return corrected;
    }

    /**
     * Any statistic of independent clusters, such as prompts with their pictures, by the bootstrap over clusters. Resamples in which the
     * statistic is not defined are left out.
     *
     * @param clusters how many
     * @param statistic of a choice of clusters, each as often as it was drawn; NaN = not defined
     */
    public static Interval clusters(int clusters, ToDoubleFunction<int[]> statistic, int resamples, long seed) {
        double[] values = new double[resamples];
        int defined = 0;
        for (int[] chosen : resamples("clusters", clusters, resamples, seed)) {
            double value = statistic.applyAsDouble(chosen);
            if (!Double.isNaN(value)) {
                values[defined++] = value;
            }
        }
        double estimate = statistic.applyAsDouble(IntStream.range(0, clusters).toArray());
        if (defined == 0) {
            return new Interval(estimate, Double.NaN, Double.NaN);
        }
        double[] sorted = Arrays.copyOf(values, defined);
        Arrays.sort(sorted);
        return new Interval(estimate, ofSorted(sorted, 0.025), ofSorted(sorted, 0.975));
    }

    /**
     * The area under the receiver operating characteristic: how often one that is positive has a higher score than one that is not, an equal
     * score counting half (Mann and Whitney 1947).
     *
     * @return 0 to 1, a half for scores that say nothing; NaN when all are positive or none is
     */
    public static double auc(double[] scores, boolean[] positive) {
        requireAsMany("positive", positive.length, scores.length);
        double[] ranks = ranks(scores);
        double sum = 0;
        long count = 0;
        for (int i = 0; i < scores.length; i++) {
            if (positive[i]) {
                sum += ranks[i];
                count++;
            }
        }
        return (sum - count * (count + 1) / 2.0) / (count * (scores.length - count));
    }

    /**
     * Spearman's rank correlation (1904): Pearson's of the ranks, equal values sharing their mean rank.
     *
     * @return -1 to 1; NaN when one of them does not vary
     */
    public static double spearman(double[] first, double[] second) {
        requireAsMany("second", second.length, first.length);
        double[] x = ranks(first);
        double[] y = ranks(second);
        double mean = (first.length + 1) / 2.0;
        double xy = 0;
        double xx = 0;
        double yy = 0;
        for (int i = 0; i < x.length; i++) {
            xy += (x[i] - mean) * (y[i] - mean);
            xx += (x[i] - mean) * (x[i] - mean);
            yy += (y[i] - mean) * (y[i] - mean);
        }
        return xy / Math.sqrt(xx * yy);
    }

    /** From 1, ascending; equal values share their mean. */
    private static double[] ranks(double[] values) {
        int[] order = IntStream.range(0, values.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> values[i]))
                .mapToInt(Integer::intValue)
                .toArray();
        double[] ranks = new double[values.length];
        for (int from = 0; from < order.length; ) {
            int to = from + 1;
            while (to < order.length && values[order[to]] == values[order[from]]) {
                to++;
            }
            for (int k = from; k < to; k++) {
                ranks[order[k]] = (from + 1 + to) / 2.0;
            }
            from = to;
        }
        return ranks;
    }

    private static void requireAsMany(String name, int found, int expected) {
        if (found != expected) {
            throw new IllegalArgumentException(name + ": " + found + " values (expected: " + expected + ")");
        }
    }

    /**
     * The value below which this share of them lies, interpolated between the two nearest.
     *
     * @param values in any order, at least one
     * @param share 0 to 1
     */
    public static double quantile(double[] values, double share) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return ofSorted(sorted, share);
    }

    /** Interpolated between the two nearest of sorted values. */
    private static double ofSorted(double[] sorted, double share) {
        double place = share * (sorted.length - 1);
        int below = (int) place;
        int above = Math.min(sorted.length - 1, below + 1);
        return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }
}
