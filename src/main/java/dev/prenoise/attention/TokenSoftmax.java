package dev.prenoise.attention;

/**
 * The renormalisation that InitNO, Self-Cross and Attend-and-Excite share: at every patch {@code softmax(100 * C)} over the text
 * columns. A softmax of probabilities times 100, not of logits.
 */
final class TokenSoftmax {
    private static final double SCALE = 100;

    private final AttentionMaps maps;
    private final int[] columns;
    private final double[] largest;
    private final double[] sums;

    /**
     * @throws IllegalArgumentException when a cross probability is not finite
     */
    TokenSoftmax(AttentionMaps maps, TextColumns text) {
        this.maps = maps;
        this.columns = text.positions();
        this.largest = new double[maps.patches()];
        this.sums = new double[maps.patches()];
        double[] cross = maps.cross();
        for (int p = 0; p < sums.length; p++) {
            int row = p * maps.tokens();
            double max = Double.NEGATIVE_INFINITY;
            for (int t : columns) {
                max = Math.max(max, cross[row + t]);
            }
            double sum = 0;
            for (int t : columns) {
                sum += Math.exp(SCALE * (cross[row + t] - max));
            }
            if (!Double.isFinite(sum)) {
                throw new IllegalArgumentException("cross: not finite at patch (" + p / maps.columns() + ", "
                        + p % maps.columns() + ") (expected: probabilities)");
            }
            largest[p] = max;
            sums[p] = sum;
        }
    }

    /** {@code [rows, columns]} of one token. */
    double[] map(int token) {
        double[] map = new double[sums.length];
        for (int p = 0; p < map.length; p++) {
            map[p] = probability(p, token);
        }
        return map;
    }

    /**
     * @param gradients with respect to the map of each of {@code tokens}
     * @param crossGradient {@code [rows, columns, tokens]}, added to
     */
    void backward(int[] tokens, double[][] gradients, double[] crossGradient) {
        for (int p = 0; p < sums.length; p++) {
            int row = p * maps.tokens();
            double mean = 0;
            boolean touched = false;
            for (int i = 0; i < tokens.length; i++) {
                double g = gradients[i][p];
                if (g != 0) {
                    double direct = g * probability(p, tokens[i]);
                    mean += direct;
                    crossGradient[row + tokens[i]] += SCALE * direct;
                    touched = true;
                }
            }
            if (touched) {
                for (int t : columns) {
                    crossGradient[row + t] -= SCALE * mean * probability(p, t);
                }
            }
        }
    }

    private double probability(int patch, int token) {
        return Math.exp(SCALE * (maps.cross()[patch * maps.tokens() + token] - largest[patch])) / sums[patch];
    }
}
