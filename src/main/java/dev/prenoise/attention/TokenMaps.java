package dev.prenoise.attention;

import org.jspecify.annotations.Nullable;

/** One map {@code [rows, columns]} for each of some tokens, and the way back from gradients on them to the raw cross map. */
final class TokenMaps {
    private final AttentionMaps source;
    private final int[] tokens;
    private final @Nullable TokenSoftmax softmax;
    private final boolean smooth;
    private final double[][] maps;

    /** The {@code A_i} of InitNO, Self-Cross and Attend-and-Excite: renormalised over the text, then smoothed. */
    static TokenMaps renormalized(AttentionMaps source, int[] tokens, TextColumns text) {
        return new TokenMaps(source, tokens, new TokenSoftmax(source, text), true);
    }

    /**
     * @param softmax null for raw probabilities
     */
    TokenMaps(AttentionMaps source, int[] tokens, @Nullable TokenSoftmax softmax, boolean smooth) {
        this.source = source;
        this.tokens = tokens;
        this.softmax = softmax;
        this.smooth = smooth;
        this.maps = new double[tokens.length][];
        for (int i = 0; i < tokens.length; i++) {
            double[] map = softmax == null ? column(tokens[i]) : softmax.map(tokens[i]);
            maps[i] = smooth ? Smoothing.smooth(map, source.rows(), source.columns()) : map;
        }
    }

    int size() {
        return maps.length;
    }

    double[] map(int i) {
        return maps[i];
    }

    AttentionMaps source() {
        return source;
    }

    /** Gradients to add to, one {@code [rows, columns]} for each token. */
    double[][] zeroGradients() {
        return new double[maps.length][source.patches()];
    }

    /**
     * @param gradients with respect to each map
     * @return with respect to {@code cross}, {@code [rows, columns, tokens]}
     */
    double[] crossGradient(double[][] gradients) {
        double[][] unsmoothed = new double[gradients.length][];
        for (int i = 0; i < gradients.length; i++) {
            unsmoothed[i] = smooth ? Smoothing.adjoint(gradients[i], source.rows(), source.columns()) : gradients[i];
        }
        double[] cross = new double[source.cross().length];
        if (softmax != null) {
            softmax.backward(tokens, unsmoothed, cross);
            return cross;
        }
        for (int i = 0; i < tokens.length; i++) {
            for (int p = 0; p < source.patches(); p++) {
                cross[p * source.tokens() + tokens[i]] += unsmoothed[i][p];
            }
        }
        return cross;
    }

    private double[] column(int token) {
        double[] column = new double[source.patches()];
        for (int p = 0; p < column.length; p++) {
            column[p] = source.cross()[p * source.tokens() + token];
        }
        return column;
    }
}
