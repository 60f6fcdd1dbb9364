package dev.prenoise.training;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.noise.Seeds;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.Weights;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;

/** A UNet of the built-in world of any widths: its config in diffusers' words, its tensors, and where they start. */
final class ShapesUNet {
    /** Of one attention head: half of it costs three times as much on a CPU. */
    private static final int HEAD_WIDTH = 16;

    private static final int LATENT_CHANNELS = 4;
    private static final int LATENT_SIDE = 16;
    private static final int TEXT_WIDTH = 96;
    private static final int NORM_GROUPS = 16;

    /** Each level halves the grid, 16 x 16 at first. */
    private static final int MOST_LEVELS = 4;

    private ShapesUNet() {}

    /**
     * One residual block a level, cross-attention at every level but the innermost, as the shipped one has it.
     *
     * @param channels of each level, from the outermost in
     * @throws IllegalArgumentException when there are none, too many, or they do not fit into heads
     */
    static JsonObject config(List<Integer> channels) {
        if (channels.isEmpty()
                || channels.size() > MOST_LEVELS
                || channels.stream().anyMatch(width -> width < 1 || width % HEAD_WIDTH != 0)) {
            throw new IllegalArgumentException(
                    "channels: " + channels + " (expected: 1 to " + MOST_LEVELS + " multiples of " + HEAD_WIDTH + ")");
        }
        List<String> down = new ArrayList<>(Collections.nCopies(channels.size(), "CrossAttnDownBlock2D"));
        List<String> up = new ArrayList<>(Collections.nCopies(channels.size(), "CrossAttnUpBlock2D"));
        if (channels.size() > 1) {
            down.set(channels.size() - 1, "DownBlock2D");
            up.set(0, "UpBlock2D");
        }
        JsonObject json = new JsonObject();
        json.addProperty("_class_name", "UNet2DConditionModel");
        json.addProperty("act_fn", "silu");
        JsonArray widths = new JsonArray();
        JsonArray heads = new JsonArray();
        for (int width : channels) {
            widths.add(width);
            heads.add(width / HEAD_WIDTH);
        }
        json.add("attention_head_dim", heads);
        json.add("block_out_channels", widths);
        json.addProperty("center_input_sample", false);
        json.addProperty("cross_attention_dim", TEXT_WIDTH);
        json.add("down_block_types", texts(down));
        json.addProperty("downsample_padding", 1);
        json.addProperty("dropout", 0.0);
        json.addProperty("flip_sin_to_cos", true);
        json.addProperty("freq_shift", 0);
        json.addProperty("in_channels", LATENT_CHANNELS);
        json.addProperty("layers_per_block", 1);
        json.addProperty("mid_block_scale_factor", 1);
        json.addProperty("mid_block_type", "UNetMidBlock2DCrossAttn");
        json.addProperty("norm_eps", 1e-5);
        json.addProperty("norm_num_groups", NORM_GROUPS);
        json.addProperty("out_channels", LATENT_CHANNELS);
        json.addProperty("sample_size", LATENT_SIDE);
        json.add("up_block_types", texts(up));
        json.addProperty("use_linear_projection", true);
        return json;
    }

    private static JsonArray texts(List<String> texts) {
        JsonArray array = new JsonArray();
        texts.forEach(array::add);
        return array;
    }

    /** Every tensor of the network that the config describes. */
    static SortedMap<String, List<Long>> shapes(UNetConfig config) {
        try (UNet unet = new UNet(config, Weights.synthetic(Compute.cpu(), DType.FLOAT32, 0))) {
            return new TreeMap<>(unet.weights().asked());
        }
    }

    /**
     * As PyTorch starts its layers, uniform within 1 / sqrt(inputs), but with biases of 0; norms are the identity; what ends a branch beside a
     * skip, and the last convolution, is 0, so that the network begins by predicting nothing (latent diffusion's zero_module). Drawn from the
     * seed and the tensor's place among the sorted names.
     */
    static float[] start(SortedMap<String, List<Long>> shapes, String name, List<Long> shape, long seed) {
        int size = (int) shape.stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact);
        float[] values = new float[size];
        if (shape.size() == 1) {
            Arrays.fill(values, name.endsWith(".weight") ? 1 : 0);
        } else if (!isLast(name)) {
            int place = new ArrayList<>(shapes.keySet()).indexOf(name);
            SplittableRandom random = new SplittableRandom(Seeds.derive(seed, 0, place));
            double bound = 1 / Math.sqrt(size / (double) shape.get(0));
            for (int i = 0; i < size; i++) {
                // only nextLong's algorithm is fixed for all Java versions
                values[i] = (float) (bound * ((random.nextLong() >> 11) * 0x1.0p-52));
            }
        }
        return values;
    }

    private static boolean isLast(String name) {
        return name.equals("conv_out.weight") || name.endsWith(".conv2.weight") || name.endsWith(".proj_out.weight");
    }
}
