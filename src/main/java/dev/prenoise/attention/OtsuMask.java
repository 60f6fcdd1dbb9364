package dev.prenoise.attention;

/**
 * Foreground of a map in [0, 1] by Otsu's threshold, as InitNO and Self-Cross take it from OpenCV. A constant for gradients.
 *
 * <p>On {@code v = floor(255 * A)}, class 0 is {@code v <= t}; the first t that maximises the variance between the classes wins, t = 0
 * when no t parts the map. The mask is {@code A >= t / 255}: the bin t itself, which OpenCV counts as background, is foreground here.
 * A constant map is all foreground.
 */
final class OtsuMask {
    /** Float epsilon: below it OpenCV takes a class for empty. */
    private static final double EMPTY = Math.ulp(1f);

    private OtsuMask() {}

    static boolean[] of(double[] map) {
        double level = threshold(map) / 255.0;
        boolean[] mask = new boolean[map.length];
        for (int p = 0; p < map.length; p++) {
            mask[p] = map[p] >= level;
        }
        return mask;
    }

    /**
     * The order of operations is OpenCV's: across a gap in the histogram all thresholds tie but for rounding, and rounding then
     * decides on which side of the mask a whole bin falls.
     */
    static int threshold(double[] map) {
        int max = 0;
        for (double value : map) {
            max = Math.max(max, (int) (255 * value));
        }
        int[] histogram = new int[max + 1];
        for (double value : map) {
            histogram[Math.max(0, (int) (255 * value))]++;
        }
        double scale = 1.0 / map.length;
        double mean = 0;
        for (int i = 0; i <= max; i++) {
            mean += i * (double) histogram[i];
        }
        mean *= scale;

        double mean0 = 0;
        double weight0 = 0;
        double best = 0;
        int threshold = 0;
        for (int i = 0; i <= max; i++) {
            double p = histogram[i] * scale;
            mean0 *= weight0;
            weight0 += p;
            double weight1 = 1.0 - weight0;
            if (Math.min(weight0, weight1) < EMPTY || Math.max(weight0, weight1) > 1.0 - EMPTY) {
                continue;
            }
            mean0 = (mean0 + i * p) / weight0;
            double mean1 = (mean - weight0 * mean0) / weight1;
            double variance = weight0 * weight1 * (mean0 - mean1) * (mean0 - mean1);
            if (variance > best) {
                best = variance;
                threshold = i;
            }
        }
        return threshold;
    }
}
