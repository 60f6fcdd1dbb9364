package dev.prenoise.attention;

import org.jspecify.annotations.Nullable;

/** Smoothed sums of self-attention rows: only the rows of the queries that are asked for are touched. */
final class SelfAttention {
    private final AttentionMaps maps;
    private final double[] self;
    private final double @Nullable [] gradient;

    /**
     * @param collectGradient whether {@link #backward} will be called
     * @throws IllegalArgumentException when the self maps are missing
     */
    SelfAttention(AttentionMaps maps, boolean collectGradient) {
        double[] values = maps.self();
        if (values == null) {
            throw new IllegalArgumentException("self: missing (expected: [" + maps.rows() + ", " + maps.columns() + ", "
                    + maps.patches() + "], which this loss reads)");
        }
        this.maps = maps;
        this.self = values;
        this.gradient = collectGradient ? new double[values.length] : null;
    }

    /**
     * @param weights by query; queries of weight 0 are left out
     * @return {@code smooth(sum_q weights[q] * S[q, :])}, {@code [rows, columns]}
     * @throws IllegalArgumentException when the sum is not positive and finite
     */
    double[] smoothedSum(double[] weights) {
        int patches = maps.patches();
        double[] mixed = new double[patches];
        for (int q = 0; q < patches; q++) {
            double weight = weights[q];
            if (weight == 0) {
                continue;
            }
            int row = q * patches;
            for (int k = 0; k < patches; k++) {
                mixed[k] += weight * self[row + k];
            }
        }
        double[] smoothed = Smoothing.smooth(mixed, maps.rows(), maps.columns());
        double total = sum(smoothed);
        if (!(total > 0 && Double.isFinite(total))) {
            throw new IllegalArgumentException("self: rows that sum to " + total + " (expected: probabilities)");
        }
        return smoothed;
    }

    /**
     * @param sumGradient with respect to {@link #smoothedSum} of these weights
     * @return with respect to each weight that is not 0
     */
    double[] backward(double[] weights, double[] sumGradient) {
        double[] collected = gradient;
        if (collected == null) {
            throw new IllegalStateException("made without a gradient");
        }
        int patches = maps.patches();
        double[] mixedGradient = Smoothing.adjoint(sumGradient, maps.rows(), maps.columns());
        double[] weightGradients = new double[patches];
        for (int q = 0; q < patches; q++) {
            double weight = weights[q];
            if (weight == 0) {
                continue;
            }
            int row = q * patches;
            double weightGradient = 0;
            for (int k = 0; k < patches; k++) {
                collected[row + k] += weight * mixedGradient[k];
                weightGradient += self[row + k] * mixedGradient[k];
            }
            weightGradients[q] = weightGradient;
        }
        return weightGradients;
    }

    /** {@code [rows, columns, rows * columns]}; null when made without. */
    double @Nullable [] gradient() {
        return gradient;
    }

    static double sum(double[] map) {
        double sum = 0;
        for (double value : map) {
            sum += value;
        }
        return sum;
    }
}
