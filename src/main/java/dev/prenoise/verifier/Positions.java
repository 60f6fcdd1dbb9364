package dev.prenoise.verifier;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;

/**
 * Learnt positions of a class token and a square grid of patches, resampled where a picture has another grid: bicubic with a = -0.75, corners
 * not aligned, edges repeated, not antialiased, as {@code torch.nn.functional.interpolate} does in transformers'
 * {@code interpolate_pos_encoding}.
 */
final class Positions {
    private static final double A = -0.75;

    private final Weight weight;
    private final int grid;
    private final long width;

    /**
     * @param name of {@code [1, 1 + grid * grid, width]}
     */
    Positions(Weights weights, String name, long width) {
        this.width = width;
        weight = weights.get(name, 1, -1, width);
        int places = Math.toIntExact(weights.shape(name).get(1)) - 1;
        grid = (int) Math.round(Math.sqrt(places));
        if (grid * grid != places) {
            throw new VerifierException(
                    weight.name() + ": " + places + " places of patches (expected: a square number)");
        }
    }

    /** Patches along a side of the pictures that they were learnt on. */
    int grid() {
        return grid;
    }

    /** {@code [1, 1 + rows * columns, width]}. */
    Tensor of(int rows, int columns) {
        if (rows == grid && columns == grid) {
            return weight.get();
        }
        return Scope.of(() -> {
            Tensor all = weight.get();
            Tensor patches = all.narrow(1, 1, (long) grid * grid).reshape(grid, grid * width);
            Tensor down = matrix(rows, all).matmul(patches).reshape(rows, grid, width);
            Tensor across = matrix(columns, all).matmul(down).reshape(1, (long) rows * columns, width);
            return Tensor.cat(1, all.narrow(1, 0, 1), across);
        });
    }

    /** {@code [to, grid]}: what each new place takes of the old ones. */
    private Tensor matrix(int to, Tensor like) {
        // on the CPU: Apple's GPU has no float64
        double[] values = new double[to * grid];
        for (int i = 0; i < to; i++) {
            double at = (i + 0.5) * grid / to - 0.5;
            int first = (int) Math.floor(at);
            for (int tap = first - 1; tap <= first + 2; tap++) {
                int place = Math.max(0, Math.min(grid - 1, tap));
                values[i * grid + place] += cubic(Math.abs(at - tap));
            }
        }
        return Tensor.of(Compute.cpu(), values, to, grid).to(like.dtype()).like(like);
    }

    /** Keys 1981. */
    private static double cubic(double x) {
        if (x <= 1) {
            return ((A + 2) * x - (A + 3)) * x * x + 1;
        }
        return x < 2 ? ((A * x - 5 * A) * x + 8 * A) * x - 4 * A : 0;
    }
}
