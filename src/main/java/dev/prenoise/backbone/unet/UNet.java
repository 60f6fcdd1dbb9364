package dev.prenoise.backbone.unet;

import dev.prenoise.backbone.AttentionSite;
import dev.prenoise.backbone.AttentionSite.Kind;
import dev.prenoise.backbone.AttentionSite.Place;
import dev.prenoise.backbone.AttentionTap;
import dev.prenoise.backbone.Conditioning;
import dev.prenoise.backbone.ResidualBlock;
import dev.prenoise.backbone.unet.UNetConfig.Level;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The UNet of Stable Diffusion: levels of residual and transformer blocks down to the smallest grid and up again, with skips between
 * (Rombach et al. 2022; names as in diffusers' UNet2DConditionModel).
 *
 * <p>Weights load when a block first runs, so a forward pass that ends early leaves the rest on disk. One thread at a time.
 */
public final class UNet implements AutoCloseable {
    private final UNetConfig config;
    private final Weights weights;
    private final Weight convIn;
    private final Weight convInBias;
    private final TimestepEmbedding timeEmbedding;
    private final @Nullable AddedEmbedding addedEmbedding;
    private final List<Stage> down = new ArrayList<>();
    private final List<Stage> middle = new ArrayList<>();
    private final List<Stage> up = new ArrayList<>();
    private final Weight normOut;
    private final Weight normOutBias;
    private final Weight convOut;
    private final Weight convOutBias;

    /**
     * @throws dev.prenoise.tensor.SafetensorsException when a tensor is missing or has another shape than the config says
     */
    public UNet(UNetConfig config, Weights weights) {
        this.config = config;
        this.weights = weights;
        int first = config.levels().get(0).channels();
        convIn = weights.get("conv_in.weight", first, config.inChannels(), 3, 3);
        convInBias = weights.get("conv_in.bias", first);
        timeEmbedding = new TimestepEmbedding(weights.under("time_embedding"), config);
        addedEmbedding = config.added() == null
                ? null
                : new AddedEmbedding(weights.under("add_embedding"), config, config.added());
        buildDown();
        buildMiddle();
        buildUp();
        normOut = weights.get("conv_norm_out.weight", first);
        normOutBias = weights.get("conv_norm_out.bias", first);
        convOut = weights.get("conv_out.weight", config.outChannels(), first, 3, 3);
        convOutBias = weights.get("conv_out.bias", config.outChannels());
    }

    public UNetConfig config() {
        return config;
    }

    public Weights weights() {
        return weights;
    }

    /**
     * What the network predicts (eps, v or flow velocity).
     *
     * @param latents {@code [B, inChannels, H, W]}, scaled as the network wants them
     * @param timestep of the whole batch
     * @return {@code [B, outChannels, H, W]}
     * @throws IllegalArgumentException when the conditioning lacks what this network takes beside the context
     */
    public Tensor predict(Tensor latents, double timestep, Conditioning conditioning) {
        return complete(run(latents, timestep, conditioning, AttentionTap.NONE));
    }

    /**
     * As {@link #predict(Tensor, double, Conditioning)}, each row at a noise level of its own: what training needs.
     *
     * @param timesteps one for each row
     */
    public Tensor predict(Tensor latents, double[] timesteps, Conditioning conditioning) {
        if (timesteps.length != latents.size(0)) {
            throw new IllegalArgumentException(
                    "timesteps: " + timesteps.length + " (expected: one for each of " + latents.size(0) + " rows)");
        }
        return complete(run(latents, timesteps, conditioning, AttentionTap.NONE));
    }

    private static Tensor complete(@Nullable Tensor prediction) {
        if (prediction == null) {
            throw new IllegalStateException("a tap that wants nothing ended the forward pass");
        }
        return prediction;
    }

    /** Runs as far as the tap needs. Arguments as in {@link #predict}; the prediction when the tap let it run to the end. */
    public @Nullable Tensor run(Tensor latents, double timestep, Conditioning conditioning, AttentionTap tap) {
        return run(latents, new double[] {timestep}, conditioning, tap);
    }

    private @Nullable Tensor run(Tensor latents, double[] timesteps, Conditioning conditioning, AttentionTap tap) {
        return Scope.ofNullable(() -> {
            Tensor time = time(timesteps, conditioning, latents);
            Tensor context = conditioning.context();
            Iterator<AttentionSite> sites = sites(Math.toIntExact(latents.size(2)), Math.toIntExact(latents.size(3)))
                    .iterator();
            Deque<Tensor> skips = new ArrayDeque<>();
            Tensor h = latents.conv2d(convIn.get(), convInBias.get(), 1, 1);
            skips.push(h);
            for (Stage stage : down) {
                h = stage.forward(h, time, context, sites, tap);
                if (h == null) {
                    return null;
                }
                skips.push(h);
            }
            for (Stage stage : middle) {
                Tensor before = h;
                h = stage.forward(before, time, context, sites, tap);
                if (h == null) {
                    return null;
                }
                free(before, skips);
            }
            for (Stage stage : up) {
                Tensor skip = skips.pop();
                Tensor joined = Tensor.cat(1, h, skip);
                free(h, skips);
                free(skip, skips);
                h = stage.forwardUp(joined, skips.peek(), time, context, sites, tap);
                if (h == null) {
                    return null;
                }
            }
            return h.groupNormSilu(normOut.get(), normOutBias.get(), config.normGroups(), config.normEps())
                    .conv2d(convOut.get(), convOutBias.get(), 1, 1);
        });
    }

    /** {@code [1 or B, timeWidth]}, with the SiLU that every residual block would apply. */
    private Tensor time(double[] timesteps, Conditioning conditioning, Tensor latents) {
        return Scope.of(() -> {
            Tensor time = timeEmbedding.forward(timesteps, latents);
            return (addedEmbedding == null ? time : time.add(addedEmbedding.forward(conditioning, latents))).silu();
        });
    }

    /** What the forward pass is done with goes at once, unless a skip still holds it; a recorded graph keeps what it needs by itself. */
    private static void free(Tensor used, Deque<Tensor> skips) {
        if (skips.stream().noneMatch(skip -> skip == used)) {
            used.close();
        }
    }

    /**
     * Every attention module for latents of this size, in the order of execution.
     *
     * @param rows latent rows
     * @param columns latent columns
     */
    public List<AttentionSite> sites(int rows, int columns) {
        List<AttentionSite> sites = new ArrayList<>();
        int last = config.levels().size() - 1;
        IntUnaryOperator half = n -> (n + 1) / 2;
        List<int[]> grids = new ArrayList<>();
        for (int i = 0, h = rows, w = columns; i <= last; i++, h = half.applyAsInt(h), w = half.applyAsInt(w)) {
            grids.add(new int[] {h, w});
        }
        for (int i = 0; i <= last; i++) {
            Level level = config.levels().get(i);
            addSites(sites, Place.DOWN, grids.get(i), level.heads(), level.downDepths());
        }
        addSites(
                sites,
                Place.MID,
                grids.get(last),
                config.levels().get(last).heads(),
                List.of(Math.max(0, config.midDepth())));
        for (int i = last; i >= 0; i--) {
            Level level = config.levels().get(i);
            addSites(sites, Place.UP, grids.get(i), level.heads(), level.upDepths());
        }
        return List.copyOf(sites);
    }

    private static void addSites(List<AttentionSite> sites, Place place, int[] grid, int heads, List<Integer> depths) {
        int blocks = depths.stream().mapToInt(Integer::intValue).sum();
        for (int i = 0; i < blocks; i++) {
            sites.add(new AttentionSite(sites.size(), place, Kind.SELF, grid[0], grid[1], heads));
            sites.add(new AttentionSite(sites.size(), place, Kind.CROSS, grid[0], grid[1], heads));
        }
    }

    @Override
    public void close() {
        weights.close();
    }

    // ---- building ----

    private void buildDown() {
        int in = config.levels().get(0).channels();
        for (int i = 0; i < config.levels().size(); i++) {
            Level level = config.levels().get(i);
            Weights block = weights.under("down_blocks." + i);
            for (int j = 0; j < level.downDepths().size(); j++) {
                down.add(new Stage(
                        residual(block, j, in, level.channels()),
                        transformer(block, j, level, level.downDepths().get(j)),
                        null));
                in = level.channels();
            }
            if (i < config.levels().size() - 1) {
                down.add(new Stage(null, null, Resample.down(block.under("downsamplers.0.conv"), in)));
            }
        }
    }

    private void buildMiddle() {
        if (config.midDepth() == UNetConfig.NO_MIDDLE) {
            return;
        }
        Level level = config.levels().get(config.levels().size() - 1);
        Weights block = weights.under("mid_block");
        middle.add(new Stage(
                residual(block, 0, level.channels(), level.channels()),
                transformer(block, 0, level, config.midDepth()),
                null));
        if (config.midDepth() > 0) {
            middle.add(new Stage(residual(block, 1, level.channels(), level.channels()), null, null));
        }
    }

    private void buildUp() {
        Deque<Integer> skips = skipChannels();
        int last = config.levels().size() - 1;
        int h = config.levels().get(last).channels();
        for (int i = last; i >= 0; i--) {
            Level level = config.levels().get(i);
            Weights block = weights.under("up_blocks." + (last - i));
            for (int j = 0; j < level.upDepths().size(); j++) {
                boolean end = j == level.upDepths().size() - 1 && i > 0;
                up.add(new Stage(
                        residual(block, j, h + skips.pop(), level.channels()),
                        transformer(block, j, level, level.upDepths().get(j)),
                        end ? Resample.up(block.under("upsamplers.0.conv"), level.channels()) : null));
                h = level.channels();
            }
        }
    }

    /** Of what the way down leaves for the way up, the last on top. */
    private Deque<Integer> skipChannels() {
        Deque<Integer> skips = new ArrayDeque<>();
        skips.push(config.levels().get(0).channels());
        for (int i = 0; i < config.levels().size(); i++) {
            Level level = config.levels().get(i);
            int kept = level.downDepths().size() + (i < config.levels().size() - 1 ? 1 : 0);
            for (int j = 0; j < kept; j++) {
                skips.push(level.channels());
            }
        }
        return skips;
    }

    private ResidualBlock residual(Weights block, int index, int in, int out) {
        return new ResidualBlock(
                block.under("resnets." + index), in, out, config.timeWidth(), config.normGroups(), config.normEps());
    }

    private @Nullable SpatialTransformer transformer(Weights block, int index, Level level, int depth) {
        return depth == 0
                ? null
                : new SpatialTransformer(
                        block.under("attentions." + index),
                        level.channels(),
                        config.contextWidth(),
                        level.heads(),
                        depth,
                        config.normGroups());
    }

    /** A residual block, the transformer behind it, and a change of size: each where there is one. */
    private record Stage(
            @Nullable ResidualBlock residual,
            @Nullable SpatialTransformer transformer,
            @Nullable Resample resample) {
        /** On the way down and in the middle. */
        @Nullable
        Tensor forward(Tensor x, Tensor time, Tensor context, Iterator<AttentionSite> sites, AttentionTap tap) {
            return Scope.ofNullable(() -> {
                Tensor h = residual == null ? x : residual.forward(x, time);
                if (transformer != null) {
                    h = transformer.forward(h, context, sites, tap);
                }
                return h == null || resample == null ? h : resample.forward(h, 0, 0);
            });
        }

        /**
         * On the way up.
         *
         * @param joined what came up and the skip beside it; freed here
         * @param nextSkip an upsampled map must have the size of the skip that it meets next
         */
        @Nullable
        Tensor forwardUp(
                Tensor joined,
                @Nullable Tensor nextSkip,
                Tensor time,
                Tensor context,
                Iterator<AttentionSite> sites,
                AttentionTap tap) {
            return Scope.ofNullable(() -> {
                Tensor h = residual == null ? joined : residual.forward(joined, time);
                joined.close();
                if (transformer != null) {
                    h = transformer.forward(h, context, sites, tap);
                }
                return h == null || resample == null || nextSkip == null
                        ? h
                        : resample.forward(h, nextSkip.size(2), nextSkip.size(3));
            });
        }
    }

    /** Half size by a strided convolution, or double size by the nearest neighbour and a convolution. */
    private record Resample(Weight weight, Weight bias, boolean up) {
        static Resample down(Weights weights, int channels) {
            return new Resample(weights.get("weight", channels, channels, 3, 3), weights.get("bias", channels), false);
        }

        static Resample up(Weights weights, int channels) {
            return new Resample(weights.get("weight", channels, channels, 3, 3), weights.get("bias", channels), true);
        }

        Tensor forward(Tensor x, long rows, long columns) {
            return up
                    ? Scope.of(() -> x.upsampleNearest(rows, columns).conv2d(weight.get(), bias.get(), 1, 1))
                    : x.conv2d(weight.get(), bias.get(), 2, 1);
        }
    }
}
