package dev.prenoise.backbone.checkpoint;

import dev.prenoise.backbone.vae.VaeConfig;
import dev.prenoise.tensor.RenamedWeights;
import dev.prenoise.tensor.StoredTensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A VAE in a single-file checkpoint: its shape, and its names by diffusers'. LDM counts the decoder's levels from the picture inwards,
 * diffusers from the latents outwards.
 */
final class VaeLayout {
    private static final Pattern BLOCK = Pattern.compile("(encoder|decoder)\\.(down|up)_blocks\\.(\\d{1,3})\\.(.+)");
    private static final Pattern RESIDUAL = Pattern.compile("resnets\\.(\\d{1,3})\\.(.+)");
    /** In both layouts. */
    static final List<String> ROOTS = List.of("encoder.", "decoder.", "quant_conv.", "post_quant_conv.");

    private static final double SCALE = 0.18215;
    private static final double XL_SCALE = 0.13025;
    private static final int USUAL_NORM_GROUPS = 32;
    private static final Map<String, String> MIDDLE = Map.of(
            "resnets.0", "block_1",
            "resnets.1", "block_2",
            "attentions.0.group_norm", "attn_1.norm",
            "attentions.0.to_q", "attn_1.q",
            "attentions.0.to_k", "attn_1.k",
            "attentions.0.to_v", "attn_1.v",
            "attentions.0.to_out.0", "attn_1.proj_out");

    private VaeLayout() {}

    /**
     * @throws dev.prenoise.tensor.SafetensorsException when tensors are missing or have no shape of a VAE
     */
    static VaeConfig config(StoredTensors tensors, Hints hints, Family family) {
        List<Integer> channels = new ArrayList<>();
        int groups = hints.normGroups() > 0 ? hints.normGroups() : USUAL_NORM_GROUPS;
        for (int i = 0; tensors.has(first(i, 0)); i++) {
            int width = tensors.size(first(i, 0), 0);
            channels.add(width);
            while (width % groups != 0 && hints.normGroups() == 0) {
                groups /= 2;
            }
        }
        int layers = 0;
        while (tensors.has(first(0, layers))) {
            layers++;
        }
        if (channels.isEmpty()) {
            throw tensors.wrong(first(0, 0), "missing");
        }
        return new VaeConfig(
                tensors.size("decoder.conv_in.weight", 1),
                channels,
                layers,
                groups,
                tensors.has("decoder.mid.attn_1.q.weight"),
                tensors.has("quant_conv.weight"),
                tensors.has("post_quant_conv.weight"),
                family.isXl() ? XL_SCALE : SCALE,
                0);
    }

    private static String first(int level, int block) {
        return "encoder.down." + level + ".block." + block + ".conv1.weight";
    }

    static RenamedWeights weights(StoredTensors tensors, VaeConfig config) {
        return RenamedWeights.of(tensors, name -> ldm(name, config.channels().size()), ROOTS);
    }

    /** The LDM name of a tensor by its diffusers name. */
    static String ldm(String name, int levels) {
        Matcher block = BLOCK.matcher(name);
        if (block.matches()) {
            boolean down = block.group(2).equals("down");
            int index = Integer.parseInt(block.group(3));
            int level = down ? index : levels - 1 - index;
            return block.group(1) + "." + block.group(2) + "." + level + "." + inBlock(block.group(4), down);
        }
        for (Map.Entry<String, String> part : MIDDLE.entrySet()) {
            int at = name.indexOf("mid_block." + part.getKey() + ".");
            if (at > 0) {
                int end = at + "mid_block.".length() + part.getKey().length();
                return name.substring(0, at) + "mid." + part.getValue() + shortcut(name.substring(end));
            }
        }
        return name.replace(".conv_norm_out.", ".norm_out.");
    }

    private static String inBlock(String name, boolean down) {
        Matcher residual = RESIDUAL.matcher(name);
        if (residual.matches()) {
            return "block." + residual.group(1) + "." + shortcut(residual.group(2));
        }
        return down
                ? name.replace("downsamplers.0.conv", "downsample.conv")
                : name.replace("upsamplers.0.conv", "upsample.conv");
    }

    private static String shortcut(String name) {
        return name.replace("conv_shortcut", "nin_shortcut");
    }
}
