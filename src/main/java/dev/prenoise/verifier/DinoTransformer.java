package dev.prenoise.verifier;

import dev.prenoise.tensor.ConfigFile;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;
import java.util.ArrayList;
import java.util.List;

/**
 * The vision transformers of DINO (Caron et al., arXiv 2104.14294) and DINOv2 (Oquab et al., arXiv 2304.07193), names as in transformers'
 * ViTModel and Dinov2Model: a class token before the patches, positions, layers, a norm. Sizes are the tensors' own. One thread at a time.
 */
final class DinoTransformer {
    private static final VisionBlock.Names DINO = new VisionBlock.Names(
            "layernorm_before",
            List.of("attention.attention.query", "attention.attention.key", "attention.attention.value"),
            "attention.output.dense",
            "layernorm_after",
            "intermediate.dense",
            "output.dense",
            List.of());
    private static final VisionBlock.Names DINO_2 = new VisionBlock.Names(
            "norm1",
            List.of("attention.attention.query", "attention.attention.key", "attention.attention.value"),
            "attention.output.dense",
            "norm2",
            "mlp.fc1",
            "mlp.fc2",
            List.of("layer_scale1.lambda1", "layer_scale2.lambda1"));

    private final Patches patches;
    private final Weight classToken;
    private final Positions positions;
    private final List<VisionBlock> blocks = new ArrayList<>();
    private final Norm norm;

    /**
     * @param config transformers' {@code config.json}
     * @param weights under their own names or, as a classifier's are, under "dinov2."
     * @throws IllegalArgumentException when the config asks for what this does not know; names file and key
     * @throws dev.prenoise.tensor.SafetensorsException when a tensor is missing or has another shape
     */
    DinoTransformer(ConfigFile config, Weights weights) {
        if (config.flag("use_swiglu_ffn", false)) {
            throw config.wrong("use_swiglu_ffn", "false: DINOv2 small, base or large; the giant one is not read");
        }
        if (!config.text("hidden_act", "gelu").equals("gelu")) {
            throw config.wrong("hidden_act", "gelu");
        }
        Weights model = (weights.has("dinov2.layernorm.weight") ? weights.under("dinov2") : weights).packing();
        patches = Patches.of(model, "embeddings.patch_embeddings.projection");
        long width = patches.width();
        classToken = model.get("embeddings.cls_token", 1, 1, width);
        positions = new Positions(model, "embeddings.position_embeddings", width);
        boolean second = model.has("encoder.layer.0.norm1.weight");
        VisionBlock.Names names = second ? DINO_2 : DINO;
        double eps = config.number("layer_norm_eps", second ? 1e-6 : 1e-12);
        int heads = VisionBlock.heads(config, width);
        do {
            Weights layer = model.under("encoder.layer." + blocks.size());
            blocks.add(new VisionBlock(layer, names, width, heads, eps, Tensor::gelu));
        } while (model.has("encoder.layer." + blocks.size() + "." + names.norm1() + ".weight"));
        norm = Norm.of(model, "layernorm", width, eps);
    }

    /** Width D of the features. */
    long width() {
        return patches.width();
    }

    /** Of a picture that it was trained on, the class token's included. */
    int places() {
        return positions.grid() * positions.grid() + 1;
    }

    /** Side of the pictures that it was trained on, pixels. */
    int side() {
        return positions.grid() * patches.size();
    }

    /**
     * The last block's tokens after the norm: the class token, then the patches row by row.
     *
     * @param pixels {@code [B, 3, H, W]}
     * @return {@code [B, 1 + P, D]}
     */
    Tensor tokens(Tensor pixels) {
        return tokens(pixels, 1).get(0);
    }

    /** {@link #tokens(Tensor)} of each of the last blocks, the last block's last. */
    List<Tensor> tokens(Tensor pixels, int lastBlocks) {
        try (Scope scope = new Scope()) {
            int size = patches.size();
            Tensor seen = patches.forward(pixels);
            Tensor first = classToken.get().expand(pixels.size(0), 1, width());
            Tensor h = Tensor.cat(1, first, seen)
                    .add(positions.of((int) (pixels.size(2) / size), (int) (pixels.size(3) / size)));
            List<Tensor> last = new ArrayList<>();
            for (int i = 0; i < blocks.size(); i++) {
                h = blocks.get(i).forward(h);
                if (blocks.size() - i <= lastBlocks) {
                    last.add(scope.keep(norm.forward(h)));
                }
            }
            return last;
        }
    }

    /** Of tokens {@code [B, 1 + P, D]} the class token, {@code [B, D]}. */
    static Tensor classToken(Tensor tokens) {
        return tokens.narrow(1, 0, 1).reshape(tokens.size(0), tokens.size(2));
    }

    /** Of tokens {@code [B, 1 + P, D]} the mean of the patches, {@code [B, D]}. */
    static Tensor meanPatch(Tensor tokens) {
        long count = tokens.size(1) - 1;
        return tokens.narrow(1, 1, count).sum(1).mul(1.0 / count);
    }
}
