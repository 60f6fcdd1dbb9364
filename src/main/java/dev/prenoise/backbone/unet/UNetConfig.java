package dev.prenoise.backbone.unet;

import dev.prenoise.tensor.ConfigFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The shape of a UNet of the Stable Diffusion family, in the words of diffusers' {@code config.json}.
 *
 * @param inChannels latent channels, 4
 * @param levels from the outermost in
 * @param layersPerBlock residual blocks of a down block; an up block has one more
 * @param contextWidth width of the text embeddings
 * @param normGroups groups of the group norms
 * @param normEps epsilon of the residual blocks' and the output's group norm; a transformer's own is 1e-6
 * @param midDepth transformer depth of the middle block
 * @param flipSinToCos cosines first in the timestep embedding
 * @param freqShift 0 or 1, in the timestep embedding's exponent
 */
public record UNetConfig(
        int inChannels,
        int outChannels,
        List<Level> levels,
        int layersPerBlock,
        int contextWidth,
        int normGroups,
        double normEps,
        int midDepth,
        boolean flipSinToCos,
        double freqShift) {
    public UNetConfig {
        levels = List.copyOf(levels);
    }

    /**
     * @param channels width of this level
     * @param heads attention heads
     * @param depth transformer blocks behind each residual block; 0 where there is no attention
     */
    public record Level(int channels, int heads, int depth) {}

    /** Width of the timestep embedding after its projection. */
    public int timeWidth() {
        return 4 * levels.get(0).channels();
    }

    /**
     * Reads diffusers' {@code unet/config.json}. Its field attention_head_dim holds the number of heads, a historic misnomer.
     *
     * @throws IllegalArgumentException when a value is missing or describes a UNet that this class does not build; names file and key
     */
    public static UNetConfig read(Path file) {
        ConfigFile json = ConfigFile.read(file);
        List<Integer> channels = json.integers("block_out_channels", 1, 0);
        int count = channels.size();
        if (count == 0) {
            throw json.wrong("block_out_channels", "at least one level");
        }
        List<Integer> heads = json.has("num_attention_heads")
                ? json.integers("num_attention_heads", count, 8)
                : json.integers("attention_head_dim", count, 8);
        List<Integer> depths = json.integers("transformer_layers_per_block", count, 1);
        List<String> down = json.texts("down_block_types");
        List<String> up = json.texts("up_block_types");
        if (heads.size() != count || depths.size() != count || down.size() != count || up.size() != count) {
            throw json.wrong("block_out_channels", "as many levels as the other lists have");
        }
        List<Level> levels = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            boolean attention = attends(json, "down_block_types", down.get(i), "DownBlock2D");
            if (attention != attends(json, "up_block_types", up.get(count - 1 - i), "UpBlock2D")) {
                throw json.wrong("up_block_types", "attention at the same levels as down_block_types");
            }
            levels.add(new Level(channels.get(i), heads.get(i), attention ? depths.get(i) : 0));
        }
        if (!json.text("mid_block_type", "UNetMidBlock2DCrossAttn").equals("UNetMidBlock2DCrossAttn")) {
            throw json.wrong("mid_block_type", "UNetMidBlock2DCrossAttn");
        }
        if (json.has("addition_embed_type") || json.has("class_embed_type") || json.has("encoder_hid_dim_type")) {
            throw json.wrong(
                    json.has("addition_embed_type") ? "addition_embed_type" : "class_embed_type",
                    "none: a text-conditioned UNet");
        }
        if (!json.text("act_fn", "silu").equals("silu")) {
            throw json.wrong("act_fn", "silu");
        }
        if (!json.text("resnet_time_scale_shift", "default").equals("default")) {
            throw json.wrong("resnet_time_scale_shift", "default");
        }
        // these change what the same weights compute, so a network without them would be silently wrong
        for (String key : List.of("only_cross_attention", "dual_cross_attention", "class_embeddings_concat")) {
            if (json.flag(key, false)) {
                throw json.wrong(key, "false");
            }
        }
        for (String key : List.of("time_cond_proj_dim", "num_class_embeds")) {
            if (json.has(key)) {
                throw json.wrong(key, "null");
            }
        }
        return new UNetConfig(
                json.integer("in_channels", 4),
                json.integer("out_channels", 4),
                levels,
                json.integer("layers_per_block", 2),
                json.integer("cross_attention_dim", 1280),
                json.integer("norm_num_groups", 32),
                json.number("norm_eps", 1e-5),
                depths.get(count - 1),
                json.flag("flip_sin_to_cos", true),
                json.number("freq_shift", 0));
    }

    private static boolean attends(ConfigFile json, String key, String type, String plain) {
        if (type.equals("CrossAttn" + plain)) {
            return true;
        }
        if (type.equals(plain)) {
            return false;
        }
        throw json.wrong(key, "CrossAttn" + plain + " and " + plain);
    }
}
