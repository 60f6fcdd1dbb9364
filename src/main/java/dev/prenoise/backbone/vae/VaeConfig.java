package dev.prenoise.backbone.vae;

import dev.prenoise.tensor.ConfigFile;
import java.nio.file.Path;
import java.util.List;

/**
 * The shape of an AutoencoderKL, in the words of diffusers' {@code config.json}.
 *
 * @param channels width of each level, from the picture inwards; each level but the last halves the size
 * @param layersPerBlock residual blocks of an encoder block; a decoder block has one more
 * @param midAttention whether the middle block attends
 * @param scalingFactor latents of the diffusion are the encoder's times this
 * @param shiftFactor subtracted from the encoder's latents before they are scaled
 */
public record VaeConfig(
        int latentChannels,
        List<Integer> channels,
        int layersPerBlock,
        int normGroups,
        boolean midAttention,
        boolean quantConv,
        boolean postQuantConv,
        double scalingFactor,
        double shiftFactor) {
    private static final int MAX_LEVELS = 16;
    private static final int MAX_LAYERS = 32;

    /**
     * @throws IllegalArgumentException when a level's width does not fit into groups
     */
    public VaeConfig {
        channels = List.copyOf(channels);
        for (int width : channels) {
            if (normGroups < 1 || width < 1 || width % normGroups != 0) {
                throw new IllegalArgumentException("norm_num_groups: " + normGroups
                        + " (expected: a divisor of each level's channels, " + width + ")");
            }
        }
    }

    /** Picture pixels to a latent pixel, on each side. */
    public int factor() {
        return 1 << (channels.size() - 1);
    }

    /**
     * @throws IllegalArgumentException when a value is missing or describes another kind of VAE; names file and key
     */
    public static VaeConfig read(Path file) {
        ConfigFile json = ConfigFile.read(file);
        if (json.has("down_block_types")
                && json.texts("down_block_types").stream().anyMatch(type -> !type.equals("DownEncoderBlock2D"))) {
            throw json.wrong("down_block_types", "DownEncoderBlock2D throughout");
        }
        if (json.has("latents_mean") || json.has("latents_std")) {
            throw json.wrong("latents_mean", "none");
        }
        int levels = json.integers("block_out_channels", 1, 64).size();
        if (levels < 1 || levels > MAX_LEVELS) {
            throw json.wrong("block_out_channels", "1 to " + MAX_LEVELS + " levels");
        }
        int layers = json.integer("layers_per_block", 1);
        if (layers < 1 || layers > MAX_LAYERS) {
            throw json.wrong("layers_per_block", "1 to " + MAX_LAYERS);
        }
        return new VaeConfig(
                json.integer("latent_channels", 4),
                json.integers("block_out_channels", 1, 64),
                layers,
                json.integer("norm_num_groups", 32),
                json.flag("mid_block_add_attention", true),
                json.flag("use_quant_conv", true),
                json.flag("use_post_quant_conv", true),
                json.number("scaling_factor", 0.18215),
                json.number("shift_factor", 0));
    }
}
