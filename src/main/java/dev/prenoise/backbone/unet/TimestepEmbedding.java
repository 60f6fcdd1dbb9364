package dev.prenoise.backbone.unet;

import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;

/** Sines and cosines of a timestep, then two linear layers. */
final class TimestepEmbedding {
    private final Weight linear1;
    private final Weight bias1;
    private final Weight linear2;
    private final Weight bias2;
    private final UNetConfig config;

    TimestepEmbedding(Weights weights, UNetConfig config) {
        int width = config.timeWidth();
        linear1 = weights.get("linear_1.weight", width, config.levels().get(0).channels());
        bias1 = weights.get("linear_1.bias", width);
        linear2 = weights.get("linear_2.weight", width, width);
        bias2 = weights.get("linear_2.bias", width);
        this.config = config;
    }

    /**
     * @param timestep 0 to 999, may be fractional
     * @return {@code [1, timeWidth]}, with the SiLU that every residual block would apply
     */
    Tensor forward(double timestep, Tensor like) {
        return Scope.of(() -> waves(timestep, like)
                .linear(linear1.get(), bias1.get())
                .silu()
                .linear(linear2.get(), bias2.get())
                .silu());
    }

    /** {@code [1, width]}, in float32 by the steps of diffusers' get_timestep_embedding: at timestep 981 the last bit of a frequency counts. */
    private Tensor waves(double timestep, Tensor like) {
        int half = config.levels().get(0).channels() / 2;
        float[] exponents = new float[half];
        for (int i = 0; i < half; i++) {
            exponents[i] = (float) -Math.log(10000) * i / (float) (half - config.freqShift());
        }
        Tensor angles = Tensor.of(like.compute(), exponents, 1, half).exp().mul((float) timestep);
        Tensor waves = config.flipSinToCos()
                ? Tensor.cat(1, angles.cos(), angles.sin())
                : Tensor.cat(1, angles.sin(), angles.cos());
        return waves.like(like);
    }
}
