package dev.prenoise.attention;

/**
 * The 3x3 Gaussian with reflect padding that all four repositories smooth their maps with.
 *
 * <p>Its formula {@code exp(-(d / (2 * 0.5))^2)} gives weights proportional to {@code exp(-dy^2 - dx^2)}, not those of a Gaussian of
 * sigma 0.5. The published code builds the kernel in float32, where it sums to 1 + 1.04e-7; these are those float32 values.
 */
final class Smoothing {
    private static final double CENTRE = 0.3319106996059418;
    private static final double EDGE = 0.12210312485694885;
    private static final double CORNER = 0.044919226318597794;

    private Smoothing() {}

    /**
     * @param map {@code [rows, columns]}
     * @return {@code [rows, columns]}
     */
    static double[] smooth(double[] map, int rows, int columns) {
        requireReflectable(rows, columns);
        double[] smoothed = new double[map.length];
        for (int y = 0; y < rows; y++) {
            int here = y * columns;
            int above = reflect(y - 1, rows) * columns;
            int below = reflect(y + 1, rows) * columns;
            for (int x = 0; x < columns; x++) {
                int left = reflect(x - 1, columns);
                int right = reflect(x + 1, columns);
                smoothed[here + x] = CENTRE * map[here + x]
                        + EDGE * (map[above + x] + map[below + x] + map[here + left] + map[here + right])
                        + CORNER * (map[above + left] + map[above + right] + map[below + left] + map[below + right]);
            }
        }
        return smoothed;
    }

    /** The transpose of {@link #smooth}: takes the gradient of a smoothed map to that of the map. */
    static double[] adjoint(double[] gradient, int rows, int columns) {
        requireReflectable(rows, columns);
        double[] back = new double[gradient.length];
        for (int y = 0; y < rows; y++) {
            int here = y * columns;
            int above = reflect(y - 1, rows) * columns;
            int below = reflect(y + 1, rows) * columns;
            for (int x = 0; x < columns; x++) {
                double g = gradient[here + x];
                if (g == 0) {
                    continue;
                }
                int left = reflect(x - 1, columns);
                int right = reflect(x + 1, columns);
                back[here + x] += CENTRE * g;
                back[above + x] += EDGE * g;
                back[below + x] += EDGE * g;
                back[here + left] += EDGE * g;
                back[here + right] += EDGE * g;
                back[above + left] += CORNER * g;
                back[above + right] += CORNER * g;
                back[below + left] += CORNER * g;
                back[below + right] += CORNER * g;
            }
        }
        return back;
    }

    private static int reflect(int i, int size) {
        return i < 0 ? -i : i < size ? i : 2 * size - 2 - i;
    }

    private static void requireReflectable(int rows, int columns) {
        if (rows < 2 || columns < 2) {
            throw new IllegalArgumentException(
                    "attention grid: " + rows + " x " + columns + " (expected: at least 2 x 2, to smooth it)");
        }
    }
}
