package dev.prenoise.verifier;

import dev.prenoise.tensor.ConfigFile;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A layer of a vision transformer (Dosovitskiy et al., arXiv 2010.11929): norm and self-attention, norm and feed-forward, each added to what
 * went in. DINO, DINOv2, SigLIP, BLIP and CLIP have the same one under different names.
 */
final class VisionBlock {
    /**
     * Where a layout keeps its parts, below the layer.
     *
     * @param attentionIn three names, of query, key and value; or one, of the three stacked
     * @param scales of LayerScale's two vectors; empty where the layout has none
     */
    record Names(
            String norm1,
            List<String> attentionIn,
            String attentionOut,
            String norm2,
            String feedIn,
            String feedOut,
            List<String> scales) {}

    private final Norm norm1;
    private final List<Linear> attentionIn;
    private final Linear attentionOut;
    private final Norm norm2;
    private final Linear feedIn;
    private final Linear feedOut;
    private final @Nullable Weight scale1;
    private final @Nullable Weight scale2;
    private final long width;
    private final int heads;
    private final UnaryOperator<Tensor> activation;

    /**
     * @throws dev.prenoise.tensor.SafetensorsException when a tensor is missing or has another shape
     */
    VisionBlock(Weights weights, Names names, long width, int heads, double normEps, UnaryOperator<Tensor> activation) {
        this.width = width;
        this.heads = heads;
        this.activation = activation;
        long in = names.attentionIn().size() == 1 ? 3 * width : width;
        norm1 = Norm.of(weights, names.norm1(), width, normEps);
        attentionIn = names.attentionIn().stream()
                .map(name -> Linear.of(weights, name, width, in))
                .toList();
        attentionOut = Linear.of(weights, names.attentionOut(), width, width);
        norm2 = Norm.of(weights, names.norm2(), width, normEps);
        feedIn = Linear.of(weights, names.feedIn(), width, -1);
        feedOut = Linear.of(weights, names.feedOut(), -1, width);
        scale1 = names.scales().isEmpty() ? null : weights.get(names.scales().get(0), width);
        scale2 = names.scales().isEmpty() ? null : weights.get(names.scales().get(1), width);
    }

    /**
     * Heads as the config says; without a word of it, 64 wide ones, which most published transformers have.
     *
     * @throws IllegalArgumentException when the width cannot be divided so; names file and key
     */
    static int heads(ConfigFile config, long width) {
        int heads = config.integer("num_attention_heads", Math.toIntExact(Math.max(1, width / 64)));
        if (heads < 1 || width % heads != 0) {
            throw config.wrong("num_attention_heads", "a divisor of the width, " + width);
        }
        return heads;
    }

    /** {@code [B, P, width]} to the same. */
    Tensor forward(Tensor x) {
        return Scope.of(() -> {
            Tensor h = x.add(scaled(attentionOut.forward(attend(norm1.forward(x))), scale1));
            Tensor fed = feedOut.forward(activation.apply(feedIn.forward(norm2.forward(h))));
            return h.add(scaled(fed, scale2));
        });
    }

    private Tensor attend(Tensor n) {
        if (attentionIn.size() == 1) {
            Tensor all = attentionIn.get(0).forward(n);
            return all.narrow(2, 0, width)
                    .attention(all.narrow(2, width, width), all.narrow(2, 2 * width, width), heads);
        }
        Tensor query = attentionIn.get(0).forward(n);
        return query.attention(attentionIn.get(1).forward(n), attentionIn.get(2).forward(n), heads);
    }

    private static Tensor scaled(Tensor x, @Nullable Weight scale) {
        return scale == null ? x : x.mul(scale.get());
    }
}
