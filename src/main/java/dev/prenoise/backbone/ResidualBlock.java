package dev.prenoise.backbone;

import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;
import org.jspecify.annotations.Nullable;

/** Norm, SiLU, convolution, twice, around a skip; the timestep embedding is added between where there is one. */
public final class ResidualBlock {
    private final Weight norm1Weight;
    private final Weight norm1Bias;
    private final Weight conv1Weight;
    private final Weight conv1Bias;
    private final @Nullable Weight timeWeight;
    private final @Nullable Weight timeBias;
    private final Weight norm2Weight;
    private final Weight norm2Bias;
    private final Weight conv2Weight;
    private final Weight conv2Bias;
    private final @Nullable Weight shortcutWeight;
    private final @Nullable Weight shortcutBias;
    private final int groups;
    private final double eps;

    /**
     * @param timeWidth of the timestep embedding; 0 in a VAE
     */
    public ResidualBlock(Weights weights, int in, int out, int timeWidth, int groups, double eps) {
        norm1Weight = weights.get("norm1.weight", in);
        norm1Bias = weights.get("norm1.bias", in);
        conv1Weight = weights.get("conv1.weight", out, in, 3, 3);
        conv1Bias = weights.get("conv1.bias", out);
        timeWeight = timeWidth == 0 ? null : weights.get("time_emb_proj.weight", out, timeWidth);
        timeBias = timeWidth == 0 ? null : weights.get("time_emb_proj.bias", out);
        norm2Weight = weights.get("norm2.weight", out);
        norm2Bias = weights.get("norm2.bias", out);
        conv2Weight = weights.get("conv2.weight", out, out, 3, 3);
        conv2Bias = weights.get("conv2.bias", out);
        shortcutWeight = in == out ? null : weights.get("conv_shortcut.weight", out, in, 1, 1);
        shortcutBias = in == out ? null : weights.get("conv_shortcut.bias", out);
        this.groups = groups;
        this.eps = eps;
    }

    /**
     * @param x {@code [B, in, H, W]}
     * @param time {@code [1 or B, timeWidth]}, SiLU applied; null in a VAE
     * @return {@code [B, out, H, W]}
     */
    public Tensor forward(Tensor x, @Nullable Tensor time) {
        return Scope.of(() -> {
            // what is normalised goes before more is made: at a VAE's last level it is most of the memory
            Tensor h = Scope.of(() -> x.groupNormSilu(norm1Weight.get(), norm1Bias.get(), groups, eps)
                    .conv2d(conv1Weight.get(), conv1Bias.get(), 1, 1));
            if (timeWeight != null && timeBias != null && time != null) {
                Tensor shift = time.linear(timeWeight.get(), timeBias.get());
                h = h.add(shift.reshape(shift.size(0), shift.size(1), 1, 1));
            }
            Tensor first = h;
            h = Scope.of(() -> first.groupNormSilu(norm2Weight.get(), norm2Bias.get(), groups, eps)
                    .conv2d(conv2Weight.get(), conv2Bias.get(), 1, 1));
            Tensor skip = shortcutWeight == null || shortcutBias == null
                    ? x
                    : x.conv2d(shortcutWeight.get(), shortcutBias.get(), 1, 0);
            return h.add(skip);
        });
    }
}
