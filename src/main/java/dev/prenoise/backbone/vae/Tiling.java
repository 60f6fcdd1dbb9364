package dev.prenoise.backbone.vae;

import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A network applied tile by tile: tiles overlap by a quarter of their side, and in the overlap the result goes linearly from one tile to the
 * next. The arithmetic of diffusers' {@code AutoencoderKL.tiled_decode}, so that a host's pictures are met; each tile is normalised by itself,
 * and so tiles differ a little from the whole.
 *
 * @param tile side of a tile of the input; a multiple of 4 on both sides of the network
 * @param resultTile side of what a tile becomes
 */
record Tiling(long tile, long resultTile) {
    /** {@code [B, C, H, W]} to what the network makes of it. At most one tile's activations are alive at a time. */
    Tensor apply(Tensor input, UnaryOperator<Tensor> network) {
        return Scope.of(() -> {
            List<Tensor> rows = new ArrayList<>();
            List<Tensor> above = List.of();
            for (long y = 0; y < input.size(2); y += step(tile)) {
                try (Scope scope = new Scope()) {
                    Row row = row(input.narrow(2, y, Math.min(tile, input.size(2) - y)), above, network);
                    rows.add(scope.keep(row.result));
                    // rows before the last need no strip any more, but they are few and thin
                    row.below.forEach(scope::keep);
                    above = row.below;
                }
            }
            return Tensor.cat(2, rows);
        });
    }

    /**
     * @param result the tiles side by side
     * @param below of each tile the rows that the tile below it blends with
     */
    private record Row(Tensor result, List<Tensor> below) {}

    private Row row(Tensor input, List<Tensor> above, UnaryOperator<Tensor> network) {
        long overlap = resultTile / 4;
        List<Tensor> results = new ArrayList<>();
        List<Tensor> below = new ArrayList<>();
        Tensor left = null;
        for (long x = 0; x < input.size(3); x += step(tile)) {
            Tensor part = input.narrow(3, x, Math.min(tile, input.size(3) - x));
            Tensor result = Scope.of(() -> network.apply(part));
            if (!above.isEmpty()) {
                result = blend(above.get(below.size()), result, 2);
            }
            if (left != null) {
                result = blend(left, result, 3);
            }
            left = end(result, 3, overlap);
            // copies, for a view keeps the whole tile
            below.add(Tensor.cat(2, end(result, 2, overlap)));
            results.add(start(start(result, 2, step(resultTile)), 3, step(resultTile)));
        }
        return new Row(Tensor.cat(3, results), below);
    }

    private static long step(long side) {
        return side - side / 4;
    }

    private static Tensor start(Tensor tensor, int dimension, long length) {
        return tensor.narrow(dimension, 0, Math.min(length, tensor.size(dimension)));
    }

    private static Tensor end(Tensor tensor, int dimension, long length) {
        long size = tensor.size(dimension);
        long count = Math.min(length, size);
        return tensor.narrow(dimension, size - count, count);
    }

    /** The tile, its first rows or columns mixed with those that the tile before it has there. */
    private static Tensor blend(Tensor before, Tensor tile, int dimension) {
        long count = Math.min(before.size(dimension), tile.size(dimension));
        float[] ramp = new float[Math.toIntExact(count)];
        for (int i = 0; i < count; i++) {
            ramp[i] = i / (float) count;
        }
        long[] shape = {1, 1, 1, 1};
        shape[dimension] = count;
        Tensor weight = Tensor.of(tile.compute(), ramp, shape).like(tile);
        Tensor old = end(before, dimension, count);
        Tensor mixed = old.add(tile.narrow(dimension, 0, count).sub(old).mul(weight));
        long rest = tile.size(dimension) - count;
        return rest == 0 ? mixed : Tensor.cat(dimension, mixed, tile.narrow(dimension, count, rest));
    }
}
