package dev.prenoise.backbone.vae;

import dev.prenoise.backbone.ResidualBlock;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** Latents to pictures. */
final class Decoder {
    private final Conv convIn;
    private final MiddleBlock middle;
    private final List<UnaryOperator<Tensor>> up = new ArrayList<>();
    private final Weight normOut;
    private final Weight normOutBias;
    private final Conv convOut;
    private final int groups;

    Decoder(Weights weights, VaeConfig config) {
        int last = config.channels().size() - 1;
        int width = config.channels().get(last);
        groups = config.normGroups();
        convIn = Conv.of(weights, "conv_in", config.latentChannels(), width, 3);
        middle = new MiddleBlock(weights.under("mid_block"), width, config);
        for (int i = last; i >= 0; i--) {
            Weights block = weights.under("up_blocks." + (last - i));
            int out = config.channels().get(i);
            for (int j = 0; j <= config.layersPerBlock(); j++) {
                ResidualBlock residual =
                        new ResidualBlock(block.under("resnets." + j), width, out, 0, groups, Autoencoder.NORM_EPS);
                up.add(x -> residual.forward(x, null));
                width = out;
            }
            if (i > 0) {
                Conv conv = Conv.of(block, "upsamplers.0.conv", out, out, 3);
                up.add(x -> Scope.of(() -> conv.forward(x.upsampleNearest(2 * x.size(2), 2 * x.size(3)))));
            }
        }
        normOut = weights.get("conv_norm_out.weight", width);
        normOutBias = weights.get("conv_norm_out.bias", width);
        convOut = Conv.of(weights, "conv_out", width, 3, 3);
    }

    /** The input on the network's device, in its floating type. */
    Tensor like(Tensor latents) {
        return latents.like(convIn.weight().get());
    }

    Tensor forward(Tensor latents) {
        return Scope.of(() -> {
            Tensor h = Scope.of(() -> middle.forward(convIn.forward(latents)));
            for (UnaryOperator<Tensor> layer : up) {
                Tensor before = h;
                h = Scope.of(() -> layer.apply(before));
                before.close();
            }
            return convOut.forward(h.groupNormSilu(normOut.get(), normOutBias.get(), groups, Autoencoder.NORM_EPS));
        });
    }
}
