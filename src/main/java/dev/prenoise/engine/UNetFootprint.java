package dev.prenoise.engine;

import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.unet.UNetConfig.Level;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * What a UNet takes of memory at a size, estimated from its configuration alone: a walk over the blocks in the order of execution that counts
 * parameters, what is alive at once, and what a recorded graph keeps. Attention's probabilities count where they are built, which is at the
 * grid that the losses read.
 *
 * <p>What libtorch's convolutions and allocator take besides is in {@link #OVERHEAD}, which makes the estimate an upper one; {@code
 * docs/performance.md} has it beside measured values.
 *
 * @param parameters of the part that runs
 * @param activations bytes for each noise of a batch, without gradient
 * @param graph bytes for one noise, with gradient
 */
record UNetFootprint(long parameters, long activations, long graph) {
    /** Workspaces of convolutions, what is freed late, and the allocator's own. */
    private static final double OVERHEAD = 1.25;

    /** As far as the losses need: up to the last cross-attention at this grid. */
    static UNetFootprint ofLosses(UNetConfig config, Sizes sizes, int gridRows, int gridColumns) {
        return new Walk(config, sizes, gridRows, gridColumns).run();
    }

    /** The whole network, as drawing runs it. */
    static UNetFootprint ofPictures(UNetConfig config, Sizes sizes) {
        return new Walk(config, sizes, 0, 0).run();
    }

    /**
     * @param rows of the latents
     * @param columns of the latents
     * @param tokens of the prompt
     * @param bytes of one element of weights and activations
     */
    record Sizes(int rows, int columns, int tokens, int bytes) {}

    /** Ends the walk. */
    private static final class Truncated extends Exception {
        private static final long serialVersionUID = 1;

        Truncated() {
            super(null, null, false, false);
        }
    }

    private static final class Walk {
        private final UNetConfig config;
        private final Sizes sizes;
        private final int gridRows;
        private final int gridColumns;
        private int targetBlocks;

        private final Deque<long[]> skips = new ArrayDeque<>();
        private long parameters;
        private long held;
        private long peak;
        private long graph;

        Walk(UNetConfig config, Sizes sizes, int gridRows, int gridColumns) {
            this.config = config;
            this.sizes = sizes;
            this.gridRows = gridRows;
            this.gridColumns = gridColumns;
        }

        UNetFootprint run() {
            try {
                targetBlocks = countTargets();
                down();
            } catch (Truncated e) {
                // as far as is needed
            }
            return new UNetFootprint(parameters, (long) (OVERHEAD * peak), (long) (OVERHEAD * peak) + graph);
        }

        /** Transformer blocks at the grid: the walk ends in the last. */
        private int countTargets() {
            int count = 0;
            int rows = sizes.rows();
            int columns = sizes.columns();
            int last = config.levels().size() - 1;
            for (int i = 0; i <= last; i++) {
                if (rows == gridRows && columns == gridColumns) {
                    Level level = config.levels().get(i);
                    count += sum(level.downDepths()) + sum(level.upDepths());
                    count += i == last ? Math.max(0, config.midDepth()) : 0;
                }
                rows = (rows + 1) / 2;
                columns = (columns + 1) / 2;
            }
            return count;
        }

        private static int sum(List<Integer> values) {
            return values.stream().mapToInt(Integer::intValue).sum();
        }

        private void down() throws Truncated {
            List<Level> levels = config.levels();
            int last = levels.size() - 1;
            int first = levels.get(0).channels();
            long time = config.timeWidth();
            parameters += (first + 1) * time + (time + 1) * time;
            if (config.added() != null) {
                parameters += (config.added().width() + 1) * time + (time + 1) * time;
            }
            parameters += convolution(config.inChannels(), first);
            int rows = sizes.rows();
            int columns = sizes.columns();
            int[][] grids = new int[levels.size()][];
            int channels = first;
            push(channels, rows, columns);
            for (int i = 0; i <= last; i++) {
                Level level = levels.get(i);
                grids[i] = new int[] {rows, columns};
                for (int depth : level.downDepths()) {
                    residual(channels, level.channels(), rows, columns);
                    channels = level.channels();
                    transformer(level, depth, rows, columns);
                    push(channels, rows, columns);
                }
                if (i < last) {
                    parameters += convolution(channels, channels);
                    rows = (rows + 1) / 2;
                    columns = (columns + 1) / 2;
                    alive(2 * elements(channels, rows, columns));
                    push(channels, rows, columns);
                }
            }
            if (config.midDepth() != UNetConfig.NO_MIDDLE) {
                residual(channels, channels, rows, columns);
                if (config.midDepth() > 0) {
                    transformer(levels.get(last), config.midDepth(), rows, columns);
                    residual(channels, channels, rows, columns);
                }
            }
            up(channels, grids);
        }

        private void up(int fromBelow, int[][] grids) throws Truncated {
            List<Level> levels = config.levels();
            int channels = fromBelow;
            for (int i = levels.size() - 1; i >= 0; i--) {
                Level level = levels.get(i);
                int rows = grids[i][0];
                int columns = grids[i][1];
                for (int depth : level.upDepths()) {
                    long[] skip = skips.pop();
                    held -= skip[0] * skip[1];
                    residual(Math.toIntExact(channels + skip[0]), level.channels(), rows, columns);
                    channels = level.channels();
                    transformer(level, depth, rows, columns);
                }
                if (i > 0) {
                    parameters += convolution(channels, channels);
                    long upper = elements(channels, grids[i - 1][0], grids[i - 1][1]);
                    alive(3 * upper);
                    keep(2 * upper);
                }
            }
            int first = levels.get(0).channels();
            parameters += 2L * first + convolution(first, config.outChannels());
            alive(3 * elements(first, sizes.rows(), sizes.columns()));
        }

        private static long convolution(long in, long out) {
            return 9 * in * out + out;
        }

        private static long elements(long channels, int rows, int columns) {
            return channels * rows * columns;
        }

        private void push(long channels, int rows, int columns) {
            skips.push(new long[] {channels, (long) rows * columns});
            held += elements(channels, rows, columns);
        }

        /** Elements alive at once, beside the skips. */
        private void alive(long elements) {
            peak = Math.max(peak, (held + elements) * sizes.bytes());
        }

        /** Elements that a graph keeps. */
        private void keep(long elements) {
            graph += elements * sizes.bytes();
        }

        private void residual(int in, int out, int rows, int columns) {
            parameters += 2L * in + convolution(in, out) + (long) (config.timeWidth() + 1) * out + 2L * out;
            parameters += convolution(out, out) + (in == out ? 0 : (long) in * out + out);
            long grid = (long) rows * columns;
            // x, its norm and a workspace of the same size; two convolutions, shifted, normed, shortcut, sum
            alive((3L * in + 6L * out) * grid);
            keep((2L * in + 4L * out) * grid);
        }

        private void transformer(Level level, int depth, int rows, int columns) throws Truncated {
            long c = level.channels();
            long context = config.contextWidth();
            long grid = (long) rows * columns;
            if (depth == 0) {
                return;
            }
            parameters += 2 * c + c * c + c;
            keep(2 * c * grid);
            long wide = Math.max(1, Float.BYTES / sizes.bytes());
            boolean read = rows == gridRows && columns == gridColumns;
            for (int k = 0; k < depth; k++) {
                parameters += 4 * c + 4 * c * c + c;
                long maps = read ? level.heads() * grid * (grid + sizes.tokens()) : 0;
                long largest = read ? level.heads() * grid * Math.max(grid, sizes.tokens()) : 0;
                // scores and their softmax, float32 at the least, and its copy for the product; and the sum over heads
                alive(9 * c * grid + (2 * wide + 1) * largest);
                keep(5 * c * grid + (wide + 1) * maps);
                if (read && --targetBlocks == 0) {
                    parameters += c * c + context * c;
                    throw new Truncated();
                }
                parameters += 2 * c * c + 2 * context * c + c + 2 * c + 12 * c * c + 9 * c;
                alive(25 * c * grid);
                keep(16 * c * grid);
            }
            parameters += c * c + c;
        }
    }
}
