package dev.prenoise.attention;

import java.util.Arrays;
import java.util.SplittableRandom;

/** Maps made for the tests: every subject a few blobs over a noisy text, every query looking around itself. */
final class TestMaps {
    private TestMaps() {}

    /**
     * @param strength of the subjects' blobs: about 2 leaves subjects weak, 12 makes them sure
     */
    static AttentionMaps blobs(long seed, int rows, int columns, int tokens, double strength, int... subjects) {
        var random = new SplittableRandom(seed);
        int patches = rows * columns;
        double[] cross = new double[patches * tokens];
        for (int i = 0; i < cross.length; i++) {
            cross[i] = i % tokens == 0 ? 40 : 0.3 * random.nextDouble();
        }
        for (int token : subjects) {
            double y = rows * random.nextDouble();
            double x = columns * random.nextDouble();
            double width = 0.15 * Math.sqrt(patches);
            for (int p = 0; p < patches; p++) {
                cross[p * tokens + token] += strength * near(p / columns - y, p % columns - x, width);
            }
        }
        double[] self = new double[patches * patches];
        for (int q = 0; q < patches; q++) {
            for (int k = 0; k < patches; k++) {
                self[q * patches + k] =
                        near(q / columns - k / columns, q % columns - k % columns, 2) + 0.05 * random.nextDouble();
            }
        }
        return new AttentionMaps(rows, columns, tokens, rowsToOne(cross, tokens), rowsToOne(self, patches));
    }

    /** Every token the same everywhere, and every query looking everywhere. */
    static AttentionMaps uniform(int rows, int columns, int tokens) {
        int patches = rows * columns;
        double[] cross = new double[patches * tokens];
        double[] self = new double[patches * patches];
        Arrays.fill(cross, 1.0 / tokens);
        Arrays.fill(self, 1.0 / patches);
        return new AttentionMaps(rows, columns, tokens, cross, self);
    }

    /** {@code maps} with other self-attention. */
    static AttentionMaps withSelf(AttentionMaps maps, double[] self) {
        return new AttentionMaps(maps.rows(), maps.columns(), maps.tokens(), maps.cross(), self);
    }

    private static double near(double dy, double dx, double width) {
        return Math.exp(-(dy * dy + dx * dx) / (2 * width * width));
    }

    private static double[] rowsToOne(double[] values, int length) {
        for (int start = 0; start < values.length; start += length) {
            double sum = 0;
            for (int i = 0; i < length; i++) {
                sum += values[start + i];
            }
            for (int i = 0; i < length; i++) {
                values[start + i] /= sum;
            }
        }
        return values;
    }
}
