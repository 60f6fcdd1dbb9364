package dev.prenoise.verifier;

import dev.prenoise.tensor.ConfigFile;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;
import java.util.ArrayList;
import java.util.List;

/**
 * BLIP's image encoder (Li et al., arXiv 2201.12086), a vision transformer with timm's names, as {@code models/vit.py} of the published code.
 * Sizes are the tensors' own.
 */
final class BlipVision {
    private static final double NORM_EPS = 1e-6;
    private static final VisionBlock.Names NAMES =
            new VisionBlock.Names("norm1", List.of("attn.qkv"), "attn.proj", "norm2", "mlp.fc1", "mlp.fc2", List.of());

    private final Patches patches;
    private final Weight classToken;
    private final Positions positions;
    private final List<VisionBlock> blocks = new ArrayList<>();
    private final Norm norm;

    /**
     * @param config says how many heads, where it says so
     */
    BlipVision(ConfigFile config, Weights weights) {
        patches = Patches.of(weights, "patch_embed.proj");
        long width = patches.width();
        classToken = weights.get("cls_token", 1, 1, width);
        positions = new Positions(weights, "pos_embed", width);
        int heads = VisionBlock.heads(config, width);
        do {
            Weights block = weights.under("blocks." + blocks.size());
            blocks.add(new VisionBlock(block, NAMES, width, heads, NORM_EPS, Tensor::gelu));
        } while (weights.has("blocks." + blocks.size() + ".norm1.weight"));
        norm = Norm.of(weights, "norm", width, NORM_EPS);
    }

    /** Side of the pictures that it reads, pixels. */
    int side() {
        return positions.grid() * patches.size();
    }

    /** That a picture is, the class token's included. */
    int places() {
        return positions.grid() * positions.grid() + 1;
    }

    /** Width of the tokens. */
    long width() {
        return patches.width();
    }

    /** {@code [B, 3, side, side]} to {@code [B, 1 + P, width]}. */
    Tensor tokens(Tensor pixels) {
        return Scope.of(() -> {
            Tensor first = classToken.get().expand(pixels.size(0), 1, width());
            Tensor h =
                    Tensor.cat(1, first, patches.forward(pixels)).add(positions.of(positions.grid(), positions.grid()));
            for (VisionBlock block : blocks) {
                h = block.forward(h);
            }
            return norm.forward(h);
        });
    }
}
