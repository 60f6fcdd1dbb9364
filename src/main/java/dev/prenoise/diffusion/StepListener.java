package dev.prenoise.diffusion;

import dev.prenoise.tensor.Tensor;

/** Sees a sampling run go by. Called on the thread that samples, between denoiser calls. */
@FunctionalInterface
public interface StepListener {
    StepListener NONE = (step, steps, x0) -> {};

    /**
     * @param step 1 to {@code steps}
     * @param x0 what the clean latents are predicted to be at this step, {@code [B, C, H, W]}; freed after the call
     */
    void step(int step, int steps, Tensor x0);
}
