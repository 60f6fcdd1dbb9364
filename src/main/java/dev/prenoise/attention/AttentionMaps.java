package dev.prenoise.attention;

import org.jspecify.annotations.Nullable;

/**
 * Attention probabilities of one candidate, averaged over heads and layers at one resolution.
 *
 * @param rows height of the attention grid
 * @param columns width of the attention grid
 * @param tokens text length, BOS (0) included
 * @param cross {@code [rows, columns, tokens]}, softmaxed over tokens as the model does
 * @param self {@code [rows, columns, rows * columns]}, the query first; null for losses that read cross maps only
 */
public record AttentionMaps(int rows, int columns, int tokens, double[] cross, double @Nullable [] self) {
    /**
     * @throws IllegalArgumentException when an array's length does not fit the dimensions
     */
    public AttentionMaps(int rows, int columns, int tokens, double[] cross, double @Nullable [] self) {
        int patches = Math.multiplyExact(rows, columns);
        if (cross.length != Math.multiplyExact(patches, tokens)) {
            throw new IllegalArgumentException(
                    "cross: " + cross.length + " values (expected: " + rows + " x " + columns + " x " + tokens + ")");
        }
        if (self != null && self.length != Math.multiplyExact(patches, patches)) {
            throw new IllegalArgumentException(
                    "self: " + self.length + " values (expected: " + patches + " x " + patches + ")");
        }
        this.rows = rows;
        this.columns = columns;
        this.tokens = tokens;
        this.cross = cross;
        this.self = self;
    }

    public int patches() {
        return rows * columns;
    }
}
