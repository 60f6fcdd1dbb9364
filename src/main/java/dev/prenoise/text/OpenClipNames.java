package dev.prenoise.text;

import dev.prenoise.tensor.RenamedWeights.Place;
import java.util.List;
import java.util.Map;

/**
 * Where OpenCLIP keeps what transformers' CLIP has under other names; OpenAI's own files have OpenCLIP's. Query, key and value lie in one
 * matrix there, and projections the other way round.
 */
public final class OpenClipNames {
    public static final Place TEXT_PROJECTION = new Place("text_projection", 0, 1, true);

    private static final String LAYERS = "encoder.layers.";
    private static final List<String> JOINED = List.of("q_proj", "k_proj", "v_proj");
    private static final Map<String, String> OUTSIDE_LAYERS = Map.of(
            "embeddings.token_embedding.weight", "token_embedding.weight",
            "embeddings.position_embedding.weight", "positional_embedding",
            "final_layer_norm.weight", "ln_final.weight",
            "final_layer_norm.bias", "ln_final.bias");
    private static final Map<String, String> IN_LAYER = Map.of(
            ".self_attn.out_proj.", ".attn.out_proj.",
            ".layer_norm1.", ".ln_1.",
            ".layer_norm2.", ".ln_2.",
            ".mlp.fc1.", ".mlp.c_fc.",
            ".mlp.fc2.", ".mlp.c_proj.");

    private OpenClipNames() {}

    /**
     * @param name of transformers, below {@code text_model}
     */
    public static Place text(String name) {
        return isInLayer(name) ? layer(name) : Place.of(OUTSIDE_LAYERS.getOrDefault(name, name));
    }

    /** Whether {@link #layer} knows it. */
    public static boolean isInLayer(String name) {
        return name.startsWith(LAYERS);
    }

    /**
     * @param name of transformers, from {@code encoder.layers} on; both encoders have the same layers
     */
    public static Place layer(String name) {
        String layer = "transformer.resblocks." + name.substring(LAYERS.length());
        for (int i = 0; i < JOINED.size(); i++) {
            String joined = ".self_attn." + JOINED.get(i) + ".";
            if (layer.contains(joined)) {
                return new Place(layer.replace(joined, ".attn.in_proj_"), i, JOINED.size(), false);
            }
        }
        for (Map.Entry<String, String> part : IN_LAYER.entrySet()) {
            layer = layer.replace(part.getKey(), part.getValue());
        }
        return Place.of(layer);
    }
}
