package dev.prenoise.verifier;

import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;

/**
 * A picture as a row of patches: one convolution that steps as far as it reaches.
 *
 * @param size side of a patch, pixels
 * @param width of the vectors that they become
 */
record Patches(Weight kernel, Weight bias, int size, long width) {
    static Patches of(Weights weights, String name) {
        long width = weights.shape(name + ".weight").get(0);
        Weight kernel = weights.get(name + ".weight", width, 3, -1, -1);
        int size = Math.toIntExact(weights.shape(name + ".weight").get(3));
        return new Patches(kernel, weights.get(name + ".bias", width), size, width);
    }

    /** {@code [B, 3, H, W]} to {@code [B, P, width]}, row by row, in the weights' type. */
    Tensor forward(Tensor pixels) {
        return pixels.like(kernel.get())
                .conv2d(kernel.get(), bias.get(), size, 0)
                .reshape(pixels.size(0), width, -1)
                .transpose(1, 2);
    }
}
