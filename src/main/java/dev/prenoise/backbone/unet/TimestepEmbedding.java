package dev.prenoise.backbone.unet;

import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;

/** Sinusoids of a timestep, then two linear layers. */
final class TimestepEmbedding {
    private final TwoLayers layers;
    private final UNetConfig config;

    TimestepEmbedding(Weights weights, UNetConfig config) {
        layers = new TwoLayers(weights, config.levels().get(0).channels(), config.timeWidth());
        this.config = config;
    }

    /**
     * @param timestep 0 to 999, may be fractional
     * @return {@code [1, timeWidth]}
     */
    Tensor forward(double timestep, Tensor like) {
        return Scope.of(() -> {
            Tensor number = Tensor.of(like.compute(), new float[] {(float) timestep}, 1, 1);
            return layers.forward(Sinusoids.of(number, config.levels().get(0).channels(), config)
                    .like(like));
        });
    }
}
