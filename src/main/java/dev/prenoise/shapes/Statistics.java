package dev.prenoise.shapes;

import java.util.Arrays;

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
        double[] means = new double[resamples];
        for (int i = 0; i < resamples; i++) {
            Draws draws = Draws.of("bootstrap", seed, 0, i);
            double sum = 0;
            for (int k = 0; k < values.length; k++) {
                sum += values[draws.below(values.length)];
            }
            means[i] = sum / values.length;
        }
        Arrays.sort(means);
        return new Interval(
                Arrays.stream(values).average().orElseThrow(), quantile(means, 0.025), quantile(means, 0.975));
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

    /** Interpolated between the two nearest of sorted values. */
    private static double quantile(double[] sorted, double share) {
        double place = share * (sorted.length - 1);
        int below = (int) place;
        int above = Math.min(sorted.length - 1, below + 1);
        return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }
}
