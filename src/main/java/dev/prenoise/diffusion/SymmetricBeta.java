package dev.prenoise.diffusion;

/** The beta distribution whose two parameters are equal. */
final class SymmetricBeta {
    private final double shape;
    private final double half;

    /**
     * @param shape both parameters, above 0
     */
    SymmetricBeta(double shape) {
        this.shape = shape;
        this.half = incomplete(0.5);
    }

    /** The x in [0, 1] below which lies a share p of the distribution: the inverse of the regularised incomplete beta function. */
    double quantile(double p) {
        if (p > 0.5) {
            return 1 - quantile(1 - p);
        }
        if (p == 0.5) {
            return 0.5;
        }
        double low = 0;
        double high = 0.5;
        for (double middle = 0.25; low < middle && middle < high; middle = (low + high) / 2) {
            // By symmetry half of the distribution lies below 1/2, which saves the beta function itself.
            if (incomplete(middle) / half / 2 < p) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return high;
    }

    /**
     * The integral of {@code (t (1 - t))^(shape - 1)} from 0 to x, for x up to 1/2, by its series (DLMF 8.17.7): {@code x^a * sum of (1 -
     * a)_n / n! * x^n / (a + n)}.
     */
    private double incomplete(double x) {
        double factor = 1;
        double sum = 0;
        for (int n = 0; factor != 0; n++) {
            double before = sum;
            sum += factor / (shape + n);
            if (sum == before) {
                break;
            }
            factor *= (n + 1 - shape) / (n + 1) * x;
        }
        return Math.pow(x, shape) * sum;
    }
}
