package dev.prenoise.engine;

import dev.prenoise.backbone.AttentionSite;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.unet.UNetConfig.Level;
import java.util.List;

/**
 * Floating-point operations (a multiplication and an addition count as two) of one forward pass for one noise, counted from a UNet's shape.
 * Norms, activations and sums are left out, as is usual: less than a hundredth.
 */
final class ForwardCost {
    private final UNetConfig config;
    private final int tokens;
    private final int last;
    private double convolutions;
    private double linear;
    private double attention;
    private double maps;
    private int site;
    private boolean ended;

    private ForwardCost(UNetConfig config, int tokens, int last) {
        this.config = config;
        this.tokens = tokens;
        this.last = last;
    }

    /**
     * @param rows of the latents
     * @param columns of the latents
     * @param sites where maps are read; the pass ends behind the last one, or goes on to the prediction when there is none
     */
    static ForwardCost of(UNetConfig config, int rows, int columns, int tokens, List<AttentionSite> sites) {
        int last = sites.stream().mapToInt(AttentionSite::index).max().orElse(Integer.MAX_VALUE);
        ForwardCost cost = new ForwardCost(config, tokens, last);
        cost.walk(rows, columns, sites.stream().map(AttentionSite::index).toList());
        return cost;
    }

    double convolutions() {
        return convolutions;
    }

    double linear() {
        return linear;
    }

    /** Products of queries with keys and of probabilities with values, where no map is read. */
    double attention() {
        return attention;
    }

    /** The same where maps are read. */
    double maps() {
        return maps;
    }

    double total() {
        return convolutions + linear + attention + maps;
    }

    private void walk(int rows, int columns, List<Integer> read) {
        List<Level> levels = config.levels();
        int depth = levels.size();
        double[] grid = new double[depth];
        for (int i = 0, h = rows, w = columns; i < depth; i++, h = (h + 1) / 2, w = (w + 1) / 2) {
            grid[i] = (double) h * w;
        }
        int first = levels.get(0).channels();
        convolution(grid[0], config.inChannels(), first, 3);
        linear(1, first, config.timeWidth());
        linear(1, config.timeWidth(), config.timeWidth());
        int width = first;
        int[] skips = new int[depth];
        for (int i = 0; i < depth; i++) {
            Level level = levels.get(i);
            skips[i] = width;
            for (int blocks : level.downDepths()) {
                residual(grid[i], width, level.channels());
                width = level.channels();
                transformer(grid[i], width, blocks, read);
            }
            if (i < depth - 1) {
                convolution(grid[i + 1], width, width, 3);
            }
        }
        if (config.midDepth() != UNetConfig.NO_MIDDLE) {
            residual(grid[depth - 1], width, width);
            if (config.midDepth() != UNetConfig.NO_ATTENTION) {
                transformer(grid[depth - 1], width, config.midDepth(), read);
                residual(grid[depth - 1], width, width);
            }
        }
        for (int i = depth - 1; i >= 0; i--) {
            Level level = levels.get(i);
            List<Integer> depths = level.upDepths();
            for (int j = 0; j < depths.size(); j++) {
                int skip = j < depths.size() - 1 ? level.channels() : skips[i];
                residual(grid[i], width + skip, level.channels());
                width = level.channels();
                transformer(grid[i], width, depths.get(j), read);
            }
            if (i > 0) {
                convolution(grid[i - 1], width, width, 3);
            }
        }
        convolution(grid[0], width, config.outChannels(), 3);
    }

    private void residual(double positions, int in, int out) {
        convolution(positions, in, out, 3);
        linear(1, config.timeWidth(), out);
        convolution(positions, out, out, 3);
        if (in != out) {
            convolution(positions, in, out, 1);
        }
    }

    private void transformer(double positions, int width, int blocks, List<Integer> read) {
        if (blocks == 0) {
            return;
        }
        linear(positions, width, width);
        for (int i = 0; i < blocks; i++) {
            attention(positions, positions, width, width, read);
            attention(positions, tokens, width, config.contextWidth(), read);
            linear(positions, width, 8 * width);
            linear(positions, 4 * width, width);
        }
        linear(positions, width, width);
    }

    private void attention(double positions, double keys, int width, int keyWidth, List<Integer> read) {
        int index = site++;
        boolean end = index == last;
        linear(positions, width, width);
        linear(keys, keyWidth, width);
        if (!ended) {
            double products = 2 * positions * keys * width * (end ? 1 : 2);
            if (read.contains(index)) {
                maps += products;
            } else {
                attention += products;
            }
        }
        ended |= end;
        linear(keys, keyWidth, width);
        linear(positions, width, width);
    }

    private void convolution(double positions, int in, int out, int kernel) {
        if (!ended) {
            convolutions += 2.0 * positions * kernel * kernel * in * out;
        }
    }

    private void linear(double rows, int in, int out) {
        if (!ended) {
            linear += 2.0 * rows * in * out;
        }
    }
}
