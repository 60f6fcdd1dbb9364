package dev.prenoise.verifier;

import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;
import dev.prenoise.text.ClipLayer;
import java.util.ArrayList;
import java.util.List;

/**
 * CLIP's vision transformer (Radford et al. 2021; names as in transformers' CLIPVisionModelWithProjection): patches and a class embedding
 * with their positions, a norm, layers of attention and feed-forward, a norm of the class's place, and a projection without bias. One thread
 * at a time.
 */
public final class ClipVision {
    private final ClipVisionConfig config;
    private final Patches patches;
    private final Weight classEmbedding;
    private final Weight positions;
    private final Weight preNorm;
    private final Weight preNormBias;
    private final List<ClipLayer> layers = new ArrayList<>();
    private final Weight postNorm;
    private final Weight postNormBias;
    private final Weight projection;

    /**
     * @param weights with {@code vision_model.} and {@code visual_projection.weight}
     * @param projection width P of the embeddings
     * @throws dev.prenoise.tensor.SafetensorsException when a tensor is missing or has another shape than the config says
     */
    public ClipVision(ClipVisionConfig config, int projection, Weights weights) {
        this.config = config;
        int width = config.width();
        Weights model = weights.packing().under("vision_model");
        patches = new Patches(
                model.get("embeddings.patch_embedding.weight", width, 3, config.patchSize(), config.patchSize()),
                null,
                config.patchSize(),
                width);
        classEmbedding = model.get("embeddings.class_embedding", width);
        positions = model.get("embeddings.position_embedding.weight", config.places(), width);
        preNorm = model.get("pre_layrnorm.weight", width);
        preNormBias = model.get("pre_layrnorm.bias", width);
        ClipLayer.Shape shape = new ClipLayer.Shape(
                width, config.feedForwardWidth(), config.heads(), config.layerNormEps(), config.quickGelu(), false);
        for (int i = 0; i < config.layers(); i++) {
            layers.add(new ClipLayer(model.under("encoder.layers." + i), shape));
        }
        postNorm = model.get("post_layernorm.weight", width);
        postNormBias = model.get("post_layernorm.bias", width);
        this.projection = weights.packing().get("visual_projection.weight", projection, width);
    }

    /**
     * @param pixels {@code [B, 3, S, S]}, normalised as the model was trained, S the config's image size; any floating type
     * @return {@code [B, P]} of any length, in the pixels' type. Differentiable
     * @throws IllegalArgumentException when the pixels have another size
     */
    public Tensor embeddings(Tensor pixels) {
        int side = config.imageSize();
        if (pixels.size(1) != 3 || pixels.size(2) != side || pixels.size(3) != side) {
            throw new IllegalArgumentException("pixels: " + pixels + " (expected: [B, 3, " + side + ", " + side + "])");
        }
        return Scope.of(() -> {
            long batch = pixels.size(0);
            long width = config.width();
            Tensor seen = patches.forward(pixels);
            Tensor first = classEmbedding.get().reshape(1, 1, width).expand(batch, 1, width);
            Tensor h = norm(Tensor.cat(1, first, seen).add(positions.get()), preNorm, preNormBias);
            for (int i = 0; i < layers.size() - 1; i++) {
                h = layers.get(i).forward(h);
            }
            h = layers.get(layers.size() - 1).forwardFirst(h).reshape(batch, width);
            return projection.linear(norm(h, postNorm, postNormBias), null).like(pixels);
        });
    }

    private Tensor norm(Tensor h, Weight weight, Weight bias) {
        return h.layerNorm(weight.get(), bias.get(), config.layerNormEps());
    }
}
