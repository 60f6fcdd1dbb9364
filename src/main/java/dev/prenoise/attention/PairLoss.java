package dev.prenoise.attention;

/**
 * A loss on the cosines between classed embeddings, as pytorch-metric-learning computes it. Positives are pairs of one class,
 * negatives pairs of two; all pairs are ordered, none is of an embedding with itself.
 *
 * @param gradient of the value with respect to each cosine {@code [a][b]}
 */
record PairLoss(double value, double[][] gradient) {
    /**
     * NT-Xent: mean over positives (a, p) of {@code -log(e^(s_ap/t) / (e^(s_ap/t) + sum over negatives n of a of e^(s_an/t)))}; other
     * positives of a are not in the denominator. Exactly 0 without a positive or without a negative.
     */
    static PairLoss ntXent(double[][] cosines, int[] classes, double temperature) {
        int n = classes.length;
        double[][] gradient = new double[n][n];
        double sum = 0;
        int positives = 0;
        for (int a = 0; a < n; a++) {
            for (int p = 0; p < n; p++) {
                if (a == p || classes[a] != classes[p]) {
                    continue;
                }
                double largest = cosines[a][p];
                boolean contrasted = false;
                for (int b = 0; b < n; b++) {
                    if (classes[b] != classes[a]) {
                        largest = Math.max(largest, cosines[a][b]);
                        contrasted = true;
                    }
                }
                if (!contrasted) {
                    return new PairLoss(0, new double[n][n]);
                }
                double numerator = Math.exp((cosines[a][p] - largest) / temperature);
                double denominator = numerator;
                for (int b = 0; b < n; b++) {
                    if (classes[b] != classes[a]) {
                        denominator += Math.exp((cosines[a][b] - largest) / temperature);
                    }
                }
                sum -= Math.log(numerator / denominator + Double.MIN_NORMAL);
                positives++;
                gradient[a][p] -= (1 - numerator / denominator) / temperature;
                for (int b = 0; b < n; b++) {
                    if (classes[b] != classes[a]) {
                        gradient[a][b] += Math.exp((cosines[a][b] - largest) / temperature) / denominator / temperature;
                    }
                }
            }
        }
        return positives == 0 ? new PairLoss(0, gradient) : new PairLoss(sum, gradient).times(1.0 / positives);
    }

    /** Mean of {@code 1 - s} over positives plus mean of {@code s} over negatives, each over the pairs where it is above 0. */
    static PairLoss contrastive(double[][] cosines, int[] classes) {
        return hinge(cosines, classes, true).plus(hinge(cosines, classes, false));
    }

    private static PairLoss hinge(double[][] cosines, int[] classes, boolean positive) {
        int n = classes.length;
        double[][] gradient = new double[n][n];
        double sum = 0;
        int counted = 0;
        for (int a = 0; a < n; a++) {
            for (int b = 0; b < n; b++) {
                double loss = positive ? 1 - cosines[a][b] : cosines[a][b];
                if (a != b && (classes[a] == classes[b]) == positive && loss > 0) {
                    sum += loss;
                    counted++;
                    gradient[a][b] = positive ? -1 : 1;
                }
            }
        }
        return counted == 0 ? new PairLoss(0, gradient) : new PairLoss(sum, gradient).times(1.0 / counted);
    }

    private PairLoss times(double factor) {
        double[][] scaled = new double[gradient.length][gradient.length];
        for (int a = 0; a < scaled.length; a++) {
            for (int b = 0; b < scaled.length; b++) {
                scaled[a][b] = factor * gradient[a][b];
            }
        }
        return new PairLoss(factor * value, scaled);
    }

    private PairLoss plus(PairLoss other) {
        double[][] sum = new double[gradient.length][gradient.length];
        for (int a = 0; a < sum.length; a++) {
            for (int b = 0; b < sum.length; b++) {
                sum[a][b] = gradient[a][b] + other.gradient[a][b];
            }
        }
        return new PairLoss(value + other.value, sum);
    }
}
