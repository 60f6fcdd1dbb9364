package dev.prenoise.backbone.lora;

import dev.prenoise.backbone.checkpoint.KeyNames;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A network that LoRAs change: its weights, and the names that files give its modules. Names are looked up among those that the network has;
 * a file's underscores are never taken apart, for they are ambiguous.
 *
 * <p>Immutable.
 */
public final class LoraTarget {
    private static final String WEIGHT = ".weight";

    private final boolean text;
    private final Map<String, List<Long>> shapes;
    private final Map<String, String> moduleByName = new HashMap<>();

    private LoraTarget(boolean text, Map<String, List<Long>> shapes) {
        this.text = text;
        this.shapes = Map.copyOf(shapes);
    }

    /**
     * @param shapes of all weights, by diffusers' names ({@link dev.prenoise.tensor.Weights#asked})
     * @param names of the same UNet in the layout of single files, which LoRAs for SDXL go by
     */
    public static LoraTarget unet(Map<String, List<Long>> shapes, KeyNames names) {
        LoraTarget target = new LoraTarget(false, shapes);
        for (String module : target.modules()) {
            for (String dotted : List.of(module, processor(module))) {
                for (String prefix :
                        List.of("unet.", "", "base_model.model.", "base_model.model.unet.", "unet.base_model.model.")) {
                    target.name(prefix + dotted, module);
                }
            }
            target.name("lora_unet_" + flat(module), module);
            target.name("lycoris_" + flat(module), module);
            String ldm = names.ldm(module);
            if (ldm != null) {
                target.name("lora_unet_" + flat(ldm), module);
                target.name("diffusion_model." + ldm, module);
            }
        }
        return target;
    }

    /**
     * @param tower 0 for the only or the first text encoder, 1 for SDXL's second
     * @param shapes of all weights, by transformers' names, with or without {@code text_model.}
     */
    public static LoraTarget textEncoder(int tower, Map<String, List<Long>> shapes) {
        LoraTarget target = new LoraTarget(true, shapes);
        for (String module : target.modules()) {
            boolean projection = module.equals("text_projection");
            String inner = module.startsWith("text_model.") ? module.substring("text_model.".length()) : module;
            String full = projection ? module : "text_model." + inner;
            List<String> dotted = new ArrayList<>(List.of(full, inner));
            if (inner.contains(".self_attn.")) {
                // diffusers' first LoRAs called text attention as they did the UNet's
                dotted.add(full.replace("_proj", "").replace(".self_attn.", ".self_attn.to_"));
            }
            for (String name : dotted) {
                target.name((tower == 0 ? "text_encoder." : "text_encoder_2.") + name, module);
                if (tower == 0) {
                    target.name(name, module);
                    target.name("base_model.model." + name, module);
                    target.name("text_encoders.clip_l.transformer." + name, module);
                    target.name("text_encoders.clip_h.transformer." + name, module);
                } else {
                    target.name("text_encoders.clip_g.transformer." + name, module);
                }
            }
            if (tower == 0) {
                target.name("lora_te_" + flat(full), module);
                target.name("lora_te1_" + flat(full), module);
            } else {
                target.name("lora_te2_" + flat(full), module);
            }
        }
        return target;
    }

    /** {@code attn1.to_out.0} was {@code attn1.processor.to_out} when LoRAs were attention processors. */
    private static String processor(String module) {
        String name = module.replace(".to_", ".processor.to_");
        return name.endsWith(".to_out.0") ? name.substring(0, name.length() - 2) : name;
    }

    private static String flat(String module) {
        return module.replace('.', '_');
    }

    private void name(String name, String module) {
        moduleByName.putIfAbsent(name, module);
    }

    private Set<String> modules() {
        Set<String> modules = new LinkedHashSet<>();
        for (String weight : shapes.keySet()) {
            int dot = weight.lastIndexOf('.');
            if (dot > 0) {
                modules.add(weight.substring(0, dot));
            }
        }
        return modules;
    }

    boolean isText() {
        return text;
    }

    /** The weight of the module that a file calls so; null when this network has no such module or it has no weight. */
    @Nullable
    String weight(String name) {
        return existing(name, WEIGHT);
    }

    @Nullable
    String bias(String name) {
        return existing(name, ".bias");
    }

    private @Nullable String existing(String name, String ending) {
        String module = moduleByName.get(name);
        return module != null && shapes.containsKey(module + ending) ? module + ending : null;
    }

    List<Long> shape(String weight) {
        return shapes.getOrDefault(weight, List.of());
    }

    /** Whether a file's name of a module says that it belongs to a text encoder. */
    static boolean namesText(String name) {
        return name.startsWith("lora_te")
                || name.startsWith("text_encoder")
                || name.contains("text_model.")
                || name.startsWith("text_projection");
    }
}
