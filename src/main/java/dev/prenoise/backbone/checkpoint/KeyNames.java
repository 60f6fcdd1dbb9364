package dev.prenoise.backbone.checkpoint;

import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.unet.UNetConfig.Level;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The two names of every module of a UNet that has weights: diffusers' ({@code down_blocks.0.resnets.1.conv1}) and that of single-file
 * checkpoints, called LDM after the code that wrote the first of them ({@code input_blocks.2.0.in_layers.2}). A tensor's name is its
 * module's and {@code .weight} or {@code .bias}.
 */
public final class KeyNames {
    private static final Map<String, String> RESIDUAL = ordered(
            "norm1", "in_layers.0",
            "conv1", "in_layers.2",
            "time_emb_proj", "emb_layers.1",
            "norm2", "out_layers.0",
            "conv2", "out_layers.3",
            "conv_shortcut", "skip_connection");
    private static final List<String> IN_TRANSFORMER_BLOCK = List.of(
            "norm1",
            "attn1.to_q",
            "attn1.to_k",
            "attn1.to_v",
            "attn1.to_out.0",
            "norm2",
            "attn2.to_q",
            "attn2.to_k",
            "attn2.to_v",
            "attn2.to_out.0",
            "norm3",
            "ff.net.0.proj",
            "ff.net.2");

    private final Map<String, String> ldm = new LinkedHashMap<>();
    private final Map<String, String> diffusers = new HashMap<>();

    private KeyNames() {}

    public static KeyNames of(UNetConfig config) {
        KeyNames names = new KeyNames();
        names.add("conv_in", "input_blocks.0.0");
        names.add("time_embedding.linear_1", "time_embed.0");
        names.add("time_embedding.linear_2", "time_embed.2");
        if (config.added() != null) {
            names.add("add_embedding.linear_1", "label_emb.0.0");
            names.add("add_embedding.linear_2", "label_emb.0.2");
        }
        names.addDown(config.levels());
        names.addMiddle(config.midDepth());
        names.addUp(config.levels());
        names.add("conv_norm_out", "out.0");
        names.add("conv_out", "out.2");
        return names;
    }

    private void addDown(List<Level> levels) {
        int input = 1;
        for (int i = 0; i < levels.size(); i++) {
            String block = "down_blocks." + i;
            List<Integer> depths = levels.get(i).downDepths();
            for (int j = 0; j < depths.size(); j++, input++) {
                addResidual(block + ".resnets." + j, "input_blocks." + input + ".0");
                addTransformer(block + ".attentions." + j, "input_blocks." + input + ".1", depths.get(j));
            }
            if (i < levels.size() - 1) {
                add(block + ".downsamplers.0.conv", "input_blocks." + input++ + ".0.op");
            }
        }
    }

    private void addMiddle(int depth) {
        if (depth == UNetConfig.NO_MIDDLE) {
            return;
        }
        addResidual("mid_block.resnets.0", "middle_block.0");
        if (depth > 0) {
            addTransformer("mid_block.attentions.0", "middle_block.1", depth);
            addResidual("mid_block.resnets.1", "middle_block.2");
        }
    }

    private void addUp(List<Level> levels) {
        int output = 0;
        for (int i = levels.size() - 1; i >= 0; i--) {
            String block = "up_blocks." + (levels.size() - 1 - i);
            List<Integer> depths = levels.get(i).upDepths();
            for (int j = 0; j < depths.size(); j++, output++) {
                addResidual(block + ".resnets." + j, "output_blocks." + output + ".0");
                addTransformer(block + ".attentions." + j, "output_blocks." + output + ".1", depths.get(j));
                if (j == depths.size() - 1 && i > 0) {
                    // one sequence in LDM's words: it stands behind the transformer where there is one
                    int place = depths.get(j) > 0 ? 2 : 1;
                    add(block + ".upsamplers.0.conv", "output_blocks." + output + "." + place + ".conv");
                }
            }
        }
    }

    private void addResidual(String module, String ldmModule) {
        RESIDUAL.forEach((part, ldmPart) -> add(module + "." + part, ldmModule + "." + ldmPart));
    }

    /** Inside a transformer both layouts have the same names. */
    private void addTransformer(String module, String ldmModule, int depth) {
        if (depth == 0) {
            return;
        }
        add(module + ".norm", ldmModule + ".norm");
        add(module + ".proj_in", ldmModule + ".proj_in");
        for (int i = 0; i < depth; i++) {
            for (String part : IN_TRANSFORMER_BLOCK) {
                String inside = ".transformer_blocks." + i + "." + part;
                add(module + inside, ldmModule + inside);
            }
        }
        add(module + ".proj_out", ldmModule + ".proj_out");
    }

    private void add(String module, String ldmModule) {
        ldm.put(module, ldmModule);
        diffusers.put(ldmModule, module);
    }

    /**
     * Every module that may have weights, by diffusers' names, in the order of execution. A residual block's conv_shortcut is listed everywhere,
     * though it is there only where the width changes.
     */
    public Set<String> modules() {
        return Collections.unmodifiableSet(ldm.keySet());
    }

    /** The LDM name of a module by its diffusers name; null when the UNet has no such module. */
    public @Nullable String ldm(String module) {
        return ldm.get(module);
    }

    /** The diffusers name of a module by its LDM name; null when the UNet has no such module. */
    public @Nullable String diffusers(String ldmModule) {
        return diffusers.get(ldmModule);
    }

    private static Map<String, String> ordered(String... pairs) {
        Map<String, String> map = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            map.put(pairs[i], pairs[i + 1]);
        }
        return Collections.unmodifiableMap(map);
    }
}
