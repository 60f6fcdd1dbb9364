package dev.prenoise.backbone.unet;

import dev.prenoise.backbone.Conditioning;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * SDXL's added condition: the pooled prompt beside sinusoids of six numbers about the picture, through two linear layers, added to the
 * timestep's embedding (Podell et al. 2023; diffusers' addition_embed_type "text_time").
 */
final class AddedEmbedding {
    private final TwoLayers layers;
    private final UNetConfig config;
    private final UNetConfig.Added added;

    AddedEmbedding(Weights weights, UNetConfig config, UNetConfig.Added added) {
        layers = new TwoLayers(weights, added.width(), config.timeWidth());
        this.config = config;
        this.added = added;
    }

    /**
     * @return {@code [1 or B, timeWidth]}
     * @throws IllegalArgumentException when the conditioning lacks a part or it has another shape
     */
    Tensor forward(Conditioning conditioning, Tensor like) {
        Tensor pooled = require("pooled", conditioning.pooled(), added.pooledWidth());
        Tensor timeIds = require("timeIds", conditioning.timeIds(), UNetConfig.Added.TIME_IDS);
        return Scope.of(() -> {
            long rows = Math.max(pooled.size(0), timeIds.size(0));
            Tensor waves = Sinusoids.of(timeIds.reshape(-1, 1), added.timeIdWidth(), config)
                    .reshape(timeIds.size(0), -1)
                    .like(like);
            return layers.forward(Tensor.cat(1, rows(pooled.like(like), rows), rows(waves, rows)));
        });
    }

    private static Tensor require(String part, @Nullable Tensor tensor, int width) {
        String expected = " (expected: [1 or B, " + width + "])";
        if (tensor == null) {
            throw new IllegalArgumentException("conditioning." + part + ": none" + expected);
        }
        if (tensor.shape().length != 2 || tensor.size(1) != width) {
            throw new IllegalArgumentException(
                    "conditioning." + part + ": shape " + Arrays.toString(tensor.shape()) + expected);
        }
        return tensor;
    }

    private static Tensor rows(Tensor tensor, long rows) {
        return tensor.size(0) == rows ? tensor : tensor.expand(rows, tensor.size(1));
    }
}
