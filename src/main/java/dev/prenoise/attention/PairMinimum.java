package dev.prenoise.attention;

/** The overlap of two maps, {@code sum(min(a, b))}. */
final class PairMinimum {
    private PairMinimum() {}

    static double sum(double[] a, double[] b) {
        double sum = 0;
        for (int p = 0; p < a.length; p++) {
            sum += Math.min(a[p], b[p]);
        }
        return sum;
    }

    /** Adds {@code weight} to the gradient of the smaller value at each patch; equal values share it, as torch has it. */
    static void backward(double weight, double[] a, double[] b, double[] gradientA, double[] gradientB) {
        for (int p = 0; p < a.length; p++) {
            if (a[p] < b[p]) {
                gradientA[p] += weight;
            } else if (b[p] < a[p]) {
                gradientB[p] += weight;
            } else {
                gradientA[p] += weight / 2;
                gradientB[p] += weight / 2;
            }
        }
    }
}
