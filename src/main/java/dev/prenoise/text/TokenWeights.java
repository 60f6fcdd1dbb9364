package dev.prenoise.text;

import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.Tensor;
import java.util.List;

/**
 * What a token's weight does to its embedding. On plain arrays, because rows of weight 1 must keep their bits, and because the numbers are
 * few.
 */
final class TokenWeights {
    private TokenWeights() {}

    /**
     * ComfyUI's {@code (z - empty) * weight + empty}.
     *
     * @param context {@code [1, T, D]}
     * @param empty an empty prompt's {@code [1, L, D]}; T is a multiple of L
     * @param weights T of them
     */
    static Tensor awayFromEmpty(Tensor context, Tensor empty, List<Double> weights) {
        double[] z = values(context);
        double[] none = values(empty);
        int width = (int) context.size(2);
        for (int i = 0; i < z.length; i++) {
            double weight = weights.get(i / width);
            if (weight != 1) {
                double origin = none[i % none.length];
                z[i] = (z[i] - origin) * weight + origin;
            }
        }
        return of(z, context);
    }

    /**
     * A1111's "Original" emphasis: each chunk multiplied, then scaled so that the mean of all its numbers is what it was.
     *
     * @param context {@code [1, T, D]}
     * @param length of a chunk
     */
    static Tensor keepingTheMean(Tensor context, int length, List<Double> weights) {
        double[] z = values(context);
        int width = (int) context.size(2);
        int chunk = length * width;
        for (int start = 0; start < z.length; start += chunk) {
            if (weights.subList(start / width, start / width + length).stream().allMatch(w -> w == 1)) {
                continue;
            }
            double before = 0;
            double after = 0;
            for (int i = start; i < start + chunk; i++) {
                before += z[i];
                z[i] *= weights.get(i / width);
                after += z[i];
            }
            for (int i = start; i < start + chunk; i++) {
                z[i] *= before / after;
            }
        }
        return of(z, context);
    }

    // Not every device has double precision.
    private static double[] values(Tensor tensor) {
        if (tensor.dtype() == DType.FLOAT64) {
            return tensor.toDoubles();
        }
        float[] floats = tensor.toFloats();
        double[] values = new double[floats.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = floats[i];
        }
        return values;
    }

    private static Tensor of(double[] values, Tensor like) {
        if (like.dtype() == DType.FLOAT64) {
            return Tensor.of(like.compute(), values, like.shape());
        }
        float[] floats = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            floats[i] = (float) values[i];
        }
        return Tensor.of(like.compute(), floats, like.shape()).like(like);
    }
}
