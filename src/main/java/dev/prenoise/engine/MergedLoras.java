package dev.prenoise.engine;

import dev.prenoise.backbone.checkpoint.KeyNames;
import dev.prenoise.backbone.lora.LoraMerge;
import dev.prenoise.backbone.lora.LoraTarget;
import dev.prenoise.backbone.lora.LoraUse;
import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.tensor.WeightPatch;
import dev.prenoise.tensor.Weights;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What a session's LoRAs make of a model's weights.
 *
 * @param unet patches by full name
 * @param text the same for each text encoder; empty when none was to be changed
 * @param warnings keys that match nothing
 */
record MergedLoras(Map<String, WeightPatch> unet, List<Map<String, WeightPatch>> text, List<String> warnings) {
    static final MergedLoras NONE = new MergedLoras(Map.of(), List.of(), List.of());

    /**
     * @param text weights of the text encoders; empty where the prompt needs none: keys for them are then no matter
     * @throws dev.prenoise.backbone.lora.LoraException when a file does not fit the model; names file and key
     */
    static MergedLoras of(List<LoraUse> uses, UNet unet, List<Weights> text) {
        LoraTarget network = LoraTarget.unet(unet.weights().asked(), KeyNames.of(unet.config()));
        List<LoraTarget> encoders = new ArrayList<>();
        for (int i = 0; i < text.size(); i++) {
            encoders.add(LoraTarget.textEncoder(i, text.get(i).asked()));
        }
        List<LoraTarget> all = new ArrayList<>(List.of(network));
        all.addAll(encoders);
        LoraMerge merge = LoraMerge.of(uses, all);
        return new MergedLoras(
                merge.patches(network), encoders.stream().map(merge::patches).toList(), merge.warnings());
    }
}
