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
     * @param timesteps 0 to 999, may be fractional
     * @return {@code [as many, timeWidth]}
     */
    Tensor forward(double[] timesteps, Tensor like) {
        float[] numbers = new float[timesteps.length];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) timesteps[i];
        }
        return Scope.of(() -> {
            Tensor column = Tensor.of(like.compute(), numbers, numbers.length, 1);
            return layers.forward(Sinusoids.of(column, config.levels().get(0).channels(), config)
                    .like(like));
        });
    }
}
