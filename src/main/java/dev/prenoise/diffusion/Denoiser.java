package dev.prenoise.diffusion;

import dev.prenoise.tensor.Tensor;

/** Predicts clean latents from noisy ones. */
@FunctionalInterface
public interface Denoiser {
    /**
     * @param x {@code [B, C, H, W]}: {@code x0 + sigma * e}, or {@code (1 - sigma) * x0 + sigma * e} for a flow
     * @param timestep what the network is told about sigma
     * @return {@code [B, C, H, W]}
     */
    Tensor x0(Tensor x, double sigma, double timestep);

    /** What x is multiplied by to become the network's input. */
    default double inputScale(double sigma) {
        return Prediction.EPSILON.inputScale(sigma);
    }

    /** The share of clean latents in x. */
    default double signal(double sigma) {
        return Prediction.EPSILON.signal(sigma);
    }
}
