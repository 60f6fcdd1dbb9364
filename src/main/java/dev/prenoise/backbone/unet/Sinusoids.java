package dev.prenoise.backbone.unet;

import dev.prenoise.tensor.Tensor;

/** Cosines and sines of numbers at falling frequencies, by the steps of diffusers' get_timestep_embedding. */
final class Sinusoids {
    private Sinusoids() {}

    /**
     * In float32 whatever the network computes in: at timestep 981 the last bit of a frequency counts.
     *
     * @param numbers {@code [N, 1]}
     * @param width of the result, even
     * @return {@code [N, width]}, float32
     */
    static Tensor of(Tensor numbers, int width, UNetConfig config) {
        int half = width / 2;
        float[] exponents = new float[half];
        for (int i = 0; i < half; i++) {
            exponents[i] = (float) -Math.log(10000) * i / (float) (half - config.freqShift());
        }
        Tensor frequencies = Tensor.of(numbers.compute(), exponents, 1, half).exp();
        Tensor angles = numbers.like(frequencies).mul(frequencies);
        return config.flipSinToCos()
                ? Tensor.cat(1, angles.cos(), angles.sin())
                : Tensor.cat(1, angles.sin(), angles.cos());
    }
}
