package dev.prenoise.backbone.unet;

import dev.prenoise.backbone.AttentionSite;
import dev.prenoise.backbone.AttentionTap;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;
import org.jspecify.annotations.Nullable;

/** Multi-head attention, of positions to positions (self) or to text tokens (cross). */
final class Attention {
    private final Weight toQ;
    private final Weight toK;
    private final Weight toV;
    private final Weight toOut;
    private final Weight toOutBias;
    private final int heads;

    Attention(Weights weights, int width, int contextWidth, int heads) {
        toQ = weights.get("to_q.weight", width, width);
        toK = weights.get("to_k.weight", width, contextWidth);
        toV = weights.get("to_v.weight", width, contextWidth);
        toOut = weights.get("to_out.0.weight", width, width);
        toOutBias = weights.get("to_out.0.bias", width);
        this.heads = heads;
    }

    /**
     * @param x {@code [B, P, width]}
     * @param context {@code [1 or B, T, contextWidth]}
     * @return {@code [B, P, width]}; null when the tap needs nothing behind this site
     */
    @Nullable
    Tensor forward(Tensor x, Tensor context, AttentionSite site, AttentionTap tap) {
        Tensor q = x.linear(toQ.get(), null);
        Tensor k = forEach(context.linear(toK.get(), null), x.size(0));
        if (tap.last(site)) {
            tap.accept(site, q.attentionMaps(k, heads));
            return null;
        }
        Tensor v = forEach(context.linear(toV.get(), null), x.size(0));
        if (!tap.wants(site)) {
            return q.attention(k, v, heads).linear(toOut.get(), toOutBias.get());
        }
        Tensor.Attended attended = q.attentionWithMaps(k, v, heads);
        tap.accept(site, attended.maps());
        return attended.output().linear(toOut.get(), toOutBias.get());
    }

    /** One prompt serves the whole batch: its keys and values are computed once. */
    private static Tensor forEach(Tensor projected, long batch) {
        return projected.size(0) == batch ? projected : projected.expand(batch, projected.size(1), projected.size(2));
    }
}
