package dev.prenoise.backbone.vae;

import dev.prenoise.backbone.ResidualBlock;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** Pictures to the moments of latents. */
final class Encoder {
    private final Conv convIn;
    private final List<UnaryOperator<Tensor>> down = new ArrayList<>();
    private final MiddleBlock middle;
    private final Weight normOut;
    private final Weight normOutBias;
    private final Conv convOut;
    private final int groups;

    Encoder(Weights weights, VaeConfig config) {
        groups = config.normGroups();
        int width = config.channels().get(0);
        convIn = Conv.of(weights, "conv_in", 3, width, 3);
        for (int i = 0; i < config.channels().size(); i++) {
            Weights block = weights.under("down_blocks." + i);
            int out = config.channels().get(i);
            for (int j = 0; j < config.layersPerBlock(); j++) {
                ResidualBlock residual =
                        new ResidualBlock(block.under("resnets." + j), width, out, 0, groups, Autoencoder.NORM_EPS);
                down.add(x -> residual.forward(x, null));
                width = out;
            }
            if (i < config.channels().size() - 1) {
                Conv conv = Conv.halving(block, "downsamplers.0.conv", out);
                down.add(x -> conv.forward(x.padBottomRight()));
            }
        }
        middle = new MiddleBlock(weights.under("mid_block"), width, config);
        normOut = weights.get("conv_norm_out.weight", width);
        normOutBias = weights.get("conv_norm_out.bias", width);
        convOut = Conv.of(weights, "conv_out", width, 2 * config.latentChannels(), 3);
    }

    /** The input on the network's device, in its floating type. */
    Tensor like(Tensor pictures) {
        return pictures.like(convIn.weight().get());
    }

    Tensor forward(Tensor pictures) {
        return Scope.of(() -> {
            Tensor h = convIn.forward(pictures);
            for (UnaryOperator<Tensor> layer : down) {
                Tensor before = h;
                h = Scope.of(() -> layer.apply(before));
                before.close();
            }
            return convOut.forward(
                    middle.forward(h).groupNormSilu(normOut.get(), normOutBias.get(), groups, Autoencoder.NORM_EPS));
        });
    }
}
