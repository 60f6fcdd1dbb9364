package dev.prenoise.verifier;

import dev.prenoise.tensor.ConfigFile;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;
import java.util.ArrayList;
import java.util.List;

/**
 * SigLIP's image encoder (Zhai et al., arXiv 2303.15343), names as in transformers' SiglipVisionModel: patches with positions, layers, a
 * norm, and a learnt query that attends to all of them. Sizes are the tensors' own. One thread at a time.
 */
final class SiglipVision {
    private static final VisionBlock.Names NAMES = new VisionBlock.Names(
            "layer_norm1",
            List.of("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
            "self_attn.out_proj",
            "layer_norm2",
            "mlp.fc1",
            "mlp.fc2",
            List.of());

    private final Patches patches;
    private final Weight positions;
    private final List<VisionBlock> blocks = new ArrayList<>();
    private final Norm norm;
    private final Weight probe;
    private final Weight poolIn;
    private final Weight poolInBias;
    private final Linear poolOut;
    private final Norm poolNorm;
    private final Linear feedIn;
    private final Linear feedOut;
    private final int heads;
    private final int places;

    /**
     * @param config {@code vision_config} of transformers' {@code config.json}
     * @param weights under their own names or under "vision_model."
     * @throws IllegalArgumentException when the config asks for what this does not know; names file and key
     * @throws dev.prenoise.tensor.SafetensorsException when a tensor is missing or has another shape
     */
    SiglipVision(ConfigFile config, Weights weights) {
        if (!config.text("hidden_act", "gelu_pytorch_tanh").equals("gelu_pytorch_tanh")) {
            throw config.wrong("hidden_act", "gelu_pytorch_tanh");
        }
        Weights model =
                (weights.has("vision_model.post_layernorm.weight") ? weights.under("vision_model") : weights).packing();
        patches = Patches.of(model, "embeddings.patch_embedding");
        long width = patches.width();
        double eps = config.number("layer_norm_eps", 1e-6);
        heads = VisionBlock.heads(config, width);
        positions = model.get("embeddings.position_embedding.weight", -1, width);
        do {
            Weights layer = model.under("encoder.layers." + blocks.size());
            blocks.add(new VisionBlock(layer, NAMES, width, heads, eps, Tensor::geluTanh));
        } while (model.has("encoder.layers." + blocks.size() + ".layer_norm1.weight"));
        places = Math.toIntExact(
                model.shape("embeddings.position_embedding.weight").get(0));
        norm = Norm.of(model, "post_layernorm", width, eps);
        Weights head = model.under("head");
        probe = head.get("probe", 1, 1, width);
        poolIn = head.get("attention.in_proj_weight", 3 * width, width);
        poolInBias = head.get("attention.in_proj_bias", 3 * width);
        poolOut = Linear.of(head, "attention.out_proj", width, width);
        poolNorm = Norm.of(head, "layernorm", width, eps);
        feedIn = Linear.of(head, "mlp.fc1", width, -1);
        feedOut = Linear.of(head, "mlp.fc2", -1, width);
    }

    int places() {
        return places;
    }

    /**
     * What transformers calls {@code pooler_output}, which is the model's image embedding.
     *
     * @param pixels {@code [B, 3, H, W]}
     * @return {@code [B, D]}
     */
    Tensor embeddings(Tensor pixels) {
        return Scope.of(() -> {
            Tensor h = patches.forward(pixels).add(positions.get());
            for (VisionBlock block : blocks) {
                h = block.forward(h);
            }
            return pool(norm.forward(h));
        });
    }

    /** {@code [B, P, D]} to {@code [B, D]}. */
    private Tensor pool(Tensor tokens) {
        long batch = tokens.size(0);
        long width = patches.width();
        Tensor query = projected(probe.get(), 0).expand(batch, 1, width);
        Tensor attended = poolOut.forward(query.attention(projected(tokens, 1), projected(tokens, 2), heads));
        Tensor fed = feedOut.forward(feedIn.forward(poolNorm.forward(attended)).geluTanh());
        return attended.add(fed).reshape(batch, width);
    }

    /** By the query's, the key's or the value's third of the stacked projection. */
    private Tensor projected(Tensor x, int third) {
        long width = patches.width();
        return x.linear(
                poolIn.get().narrow(0, third * width, width), poolInBias.get().narrow(0, third * width, width));
    }
}
