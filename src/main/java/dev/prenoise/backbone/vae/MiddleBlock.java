package dev.prenoise.backbone.vae;

import dev.prenoise.backbone.ResidualBlock;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;
import org.jspecify.annotations.Nullable;

/** Residual block, single-head attention over all positions where there is one, residual block. */
final class MiddleBlock {
    private final ResidualBlock first;
    private final @Nullable PositionAttention attention;
    private final ResidualBlock second;

    MiddleBlock(Weights weights, int width, VaeConfig config) {
        first = new ResidualBlock(
                weights.under("resnets.0"), width, width, 0, config.normGroups(), Autoencoder.NORM_EPS);
        attention = config.midAttention()
                ? new PositionAttention(weights.under("attentions.0"), width, config.normGroups())
                : null;
        second = new ResidualBlock(
                weights.under("resnets.1"), width, width, 0, config.normGroups(), Autoencoder.NORM_EPS);
    }

    Tensor forward(Tensor x) {
        Tensor h = first.forward(x, null);
        if (attention != null) {
            h = attention.forward(h);
        }
        return second.forward(h, null);
    }

    private static final class PositionAttention {
        private final Weight normWeight;
        private final Weight normBias;
        private final Linear toQ;
        private final Linear toK;
        private final Linear toV;
        private final Linear toOut;
        private final int groups;

        PositionAttention(Weights weights, int width, int groups) {
            normWeight = weights.get("group_norm.weight", width);
            normBias = weights.get("group_norm.bias", width);
            // the names that older files have stand second
            toQ = new Linear(weights, width, "to_q", "query");
            toK = new Linear(weights, width, "to_k", "key");
            toV = new Linear(weights, width, "to_v", "value");
            toOut = new Linear(weights, width, "to_out.0", "proj_attn");
            this.groups = groups;
        }

        Tensor forward(Tensor x) {
            return Scope.of(() -> {
                Tensor positions = x.groupNorm(normWeight.get(), normBias.get(), groups, Autoencoder.NORM_EPS)
                        .reshape(x.size(0), x.size(1), -1)
                        .transpose(1, 2);
                Tensor attended = toQ.forward(positions).attention(toK.forward(positions), toV.forward(positions), 1);
                return toOut.forward(attended)
                        .transpose(1, 2)
                        .reshape(x.shape())
                        .add(x);
            });
        }
    }

    private static final class Linear {
        private final Weight weight;
        private final Weight bias;
        private final int width;

        Linear(Weights weights, int width, String name, String olderName) {
            String present =
                    weights.has(name + ".weight") ? name : weights.has(olderName + ".weight") ? olderName : name;
            this.weight = weights.has(present + ".weight")
                            && weights.shape(present + ".weight").size() == 4
                    ? weights.get(present + ".weight", width, width, 1, 1)
                    : weights.get(present + ".weight", width, width);
            this.bias = weights.get(present + ".bias", width);
            this.width = width;
        }

        Tensor forward(Tensor x) {
            return x.linear(weight.get().reshape(width, width), bias.get());
        }
    }
}
