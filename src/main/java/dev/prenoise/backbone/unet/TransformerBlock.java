package dev.prenoise.backbone.unet;

import dev.prenoise.backbone.AttentionSite;
import dev.prenoise.backbone.AttentionTap;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;
import org.jspecify.annotations.Nullable;

/** Self-attention, cross-attention and a gated feed-forward layer, each around a skip. */
final class TransformerBlock {
    private static final double LAYER_NORM_EPS = 1e-5;

    private final Attention selfAttention;
    private final Attention crossAttention;
    private final Norm norm1;
    private final Norm norm2;
    private final Norm norm3;
    private final Weight feedIn;
    private final Weight feedInBias;
    private final Weight feedOut;
    private final Weight feedOutBias;

    TransformerBlock(Weights weights, int width, int contextWidth, int heads) {
        norm1 = new Norm(weights.under("norm1"), width);
        selfAttention = new Attention(weights.under("attn1"), width, width, heads);
        norm2 = new Norm(weights.under("norm2"), width);
        crossAttention = new Attention(weights.under("attn2"), width, contextWidth, heads);
        norm3 = new Norm(weights.under("norm3"), width);
        feedIn = weights.get("ff.net.0.proj.weight", 8L * width, width);
        feedInBias = weights.get("ff.net.0.proj.bias", 8L * width);
        feedOut = weights.get("ff.net.2.weight", width, 4L * width);
        feedOutBias = weights.get("ff.net.2.bias", width);
    }

    /**
     * @param x {@code [B, P, width]}
     * @return {@code [B, P, width]}; null when the tap needs nothing more
     */
    @Nullable
    Tensor forward(Tensor x, Tensor context, AttentionSite self, AttentionSite cross, AttentionTap tap) {
        Tensor a = attend(selfAttention, norm1, x, null, self, tap);
        if (a == null) {
            return null;
        }
        Tensor b = attend(crossAttention, norm2, a, context, cross, tap);
        if (b == null) {
            return null;
        }
        return Scope.of(() ->
                b.add(norm3.forward(b).geglu(feedIn.get(), feedInBias.get()).linear(feedOut.get(), feedOutBias.get())));
    }

    private static @Nullable Tensor attend(
            Attention attention, Norm norm, Tensor x, @Nullable Tensor context, AttentionSite site, AttentionTap tap) {
        return Scope.ofNullable(() -> {
            Tensor normed = norm.forward(x);
            Tensor attended = attention.forward(normed, context == null ? normed : context, site, tap);
            return attended == null ? null : x.add(attended);
        });
    }

    private static final class Norm {
        private final Weight weight;
        private final Weight bias;

        Norm(Weights weights, int width) {
            weight = weights.get("weight", width);
            bias = weights.get("bias", width);
        }

        Tensor forward(Tensor x) {
            return x.layerNorm(weight.get(), bias.get(), LAYER_NORM_EPS);
        }
    }
}
