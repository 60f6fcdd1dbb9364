package dev.prenoise.backbone.unet;

import dev.prenoise.backbone.AttentionSite;
import dev.prenoise.backbone.AttentionTap;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Transformer blocks over the positions of a feature map, around a skip. */
final class SpatialTransformer {
    private static final double NORM_EPS = 1e-6;

    private final Weight normWeight;
    private final Weight normBias;
    private final Weight projIn;
    private final Weight projInBias;
    private final List<TransformerBlock> blocks = new ArrayList<>();
    private final Weight projOut;
    private final Weight projOutBias;
    private final int groups;

    SpatialTransformer(Weights weights, int width, int contextWidth, int heads, int depth, int groups) {
        this.groups = groups;
        normWeight = weights.get("norm.weight", width);
        normBias = weights.get("norm.bias", width);
        projIn = projection(weights, "proj_in.weight", width);
        projInBias = weights.get("proj_in.bias", width);
        for (int i = 0; i < depth; i++) {
            blocks.add(new TransformerBlock(weights.under("transformer_blocks." + i), width, contextWidth, heads));
        }
        projOut = projection(weights, "proj_out.weight", width);
        projOutBias = weights.get("proj_out.bias", width);
    }

    /** A 1 x 1 convolution in SD 1.x, linear later: the same sum either way, so both run as linear layers. */
    private static Weight projection(Weights weights, String name, int width) {
        return weights.has(name) && weights.shape(name).size() == 4
                ? weights.get(name, width, width, 1, 1)
                : weights.get(name, width, width);
    }

    /**
     * @param x {@code [B, width, H, W]}
     * @param sites two for each block are taken from here
     * @return the same shape; null when the tap needs nothing more
     */
    @Nullable
    Tensor forward(Tensor x, Tensor context, Iterator<AttentionSite> sites, AttentionTap tap) {
        return Scope.ofNullable(() -> {
            long batch = x.size(0);
            long width = x.size(1);
            Tensor h = x.groupNorm(normWeight.get(), normBias.get(), groups, NORM_EPS)
                    .reshape(batch, width, -1)
                    .transpose(1, 2)
                    .linear(projIn.get().reshape(width, width), projInBias.get());
            for (TransformerBlock block : blocks) {
                h = block.forward(h, context, sites.next(), sites.next(), tap);
                if (h == null) {
                    return null;
                }
            }
            return h.linear(projOut.get().reshape(width, width), projOutBias.get())
                    .transpose(1, 2)
                    .reshape(batch, width, x.size(2), x.size(3))
                    .add(x);
        });
    }
}
