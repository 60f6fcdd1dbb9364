package dev.prenoise.verifier;

import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;
import org.jspecify.annotations.Nullable;

/**
 * A picture as a row of patches: a convolution that steps as far as it reaches, which is a linear layer of each patch.
 *
 * @param size side of a patch, pixels
 * @param width of the vectors that they become
 */
record Patches(Weight kernel, @Nullable Weight bias, int size, long width) {
    static Patches of(Weights weights, String name) {
        long width = weights.shape(name + ".weight").get(0);
        Weight kernel = weights.get(name + ".weight", width, 3, -1, -1);
        int size = Math.toIntExact(weights.shape(name + ".weight").get(3));
        return new Patches(kernel, weights.get(name + ".bias", width), size, width);
    }

    /** {@code [B, 3, H, W]} to {@code [B, P, width]}, row by row, in the weights' type. */
    Tensor forward(Tensor pixels) {
        return Scope.of(() -> {
            long rows = pixels.size(2) / size;
            long columns = pixels.size(3) / size;
            Tensor patches = pixels.narrow(2, 0, rows * size)
                    .narrow(3, 0, columns * size)
                    .reshape(pixels.size(0), 3, rows, size, columns, size)
                    .permute(0, 2, 4, 1, 3, 5)
                    .reshape(pixels.size(0), rows * columns, 3L * size * size);
            return kernel.linear(kernel.cast(patches), bias);
        });
    }
}
