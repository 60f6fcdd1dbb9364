package dev.prenoise.engine;

import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.attention.LossValue;
import dev.prenoise.backbone.Conditioning;
import dev.prenoise.backbone.MapCollector;
import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The host's first denoiser call, which the attention losses look at: its input scaling, its timestep, its positive prompt.
 *
 * @param inputScale the network's input is the unit noise times this
 * @param rows of the attention grid
 * @param columns of the attention grid
 */
record FirstStep(UNet unet, Conditioning conditioning, double timestep, double inputScale, int rows, int columns) {
    Compute compute() {
        return conditioning.compute();
    }

    /**
     * @param noises {@code [B, C, H, W]}, unit variance
     */
    Maps maps(Tensor noises, boolean self) {
        MapCollector collector = new MapCollector(
                unet.sites(Math.toIntExact(noises.size(2)), Math.toIntExact(noises.size(3))), rows, columns, self);
        try {
            Tensor input = inputScale == 1 ? noises : noises.mul(inputScale);
            // to the type that the network computes in
            unet.run(input.like(conditioning.context()), timestep, conditioning, collector);
            return new Maps(collector, collector.cross(), self ? collector.self() : null, rows, columns);
        } catch (RuntimeException | Error e) {
            collector.close();
            throw e;
        }
    }

    /** Maps of a batch, still on the device and in the graph. */
    record Maps(
            MapCollector collector, Tensor cross, @Nullable Tensor self, int rows, int columns)
            implements AutoCloseable {
        /** Of the first {@code count} samples. */
        List<AttentionMaps> toArrays(int count) {
            int patches = rows * columns;
            int tokens = Math.toIntExact(cross.size(2));
            double[] crossValues = cross.toDoubles();
            double[] selfValues = self == null ? null : self.toDoubles();
            List<AttentionMaps> maps = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                maps.add(new AttentionMaps(
                        rows,
                        columns,
                        tokens,
                        slice(crossValues, i, patches * tokens),
                        selfValues == null ? null : slice(selfValues, i, patches * patches)));
            }
            return maps;
        }

        /** Of a batch of one: a scalar whose gradient with respect to the maps is the loss's. */
        Tensor weightedSum(LossValue loss) {
            AttentionMaps slope = loss.gradient();
            if (slope == null) {
                throw new IllegalStateException("a loss was asked for its gradient and gave none");
            }
            Tensor sum = weighted(cross, slope.cross());
            double[] selfSlope = slope.self();
            return self == null || selfSlope == null ? sum : sum.add(weighted(self, selfSlope));
        }

        private static Tensor weighted(Tensor map, double[] slope) {
            return map.mul(Tensor.of(map.compute(), slope, map.shape()).like(map))
                    .sum();
        }

        private static double[] slice(double[] values, int row, int size) {
            return Arrays.copyOfRange(values, row * size, (row + 1) * size);
        }

        @Override
        public void close() {
            collector.close();
        }
    }
}
