package dev.prenoise.image;

import java.util.function.DoubleUnaryOperator;

/** What a resampled pixel is a mean of, by the distance of the pixels around it; as Pillow's filters of these names. */
public enum Filter {
    /** A triangle. */
    BILINEAR(1, Filter::triangle),
    /** Keys' cubic convolution with a = -0.5; its negative lobes overshoot at edges. */
    BICUBIC(2, Filter::cubic),
    /** A sinc cut off by a sinc three times as wide. */
    LANCZOS(3, Filter::lanczos);

    private static final double A = -0.5;

    final double support;
    private final DoubleUnaryOperator weight;

    Filter(double support, DoubleUnaryOperator weight) {
        this.support = support;
        this.weight = weight;
    }

    /** The weight of a pixel at a distance in pixels of the coarser of the two pictures; 0 from {@link #support} on. */
    double weight(double distance) {
        return weight.applyAsDouble(distance);
    }

    private static double triangle(double x) {
        return Math.max(0, 1 - Math.abs(x));
    }

    // in the order of Pillow's operations: another order rounds some coefficients otherwise
    private static double cubic(double distance) {
        double x = Math.abs(distance);
        if (x < 1) {
            return ((A + 2) * x - (A + 3)) * x * x + 1;
        }
        return x < 2 ? (((x - 5) * x + 8) * x - 4) * A : 0;
    }

    private static double lanczos(double x) {
        return -3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0;
    }

    private static double sinc(double x) {
        if (x == 0) {
            return 1;
        }
        double angle = x * Math.PI;
        return Math.sin(angle) / angle;
    }
}
