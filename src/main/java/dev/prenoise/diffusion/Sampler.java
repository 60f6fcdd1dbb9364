package dev.prenoise.diffusion;

import dev.prenoise.tensor.Tensor;

/** A way from noise to latents. Stateless. */
public interface Sampler {
    String name();

    /** Denoiser calls for this many steps, a guided call counting 1. */
    int calls(int steps);

    /**
     * Records gradients if the thread's {@link dev.prenoise.tensor.GradMode} is on: turn it off to draw.
     *
     * @param noise {@code [B, C, H, W]}, unit variance. Each element of the batch is sampled as if alone
     * @param plan made for this sampler
     * @return latents as the VAE's scaling has them, {@code [B, C, H, W]}; noise is left in them where the plan ends above 0
     */
    Tensor sample(Tensor noise, SamplingPlan plan, Denoiser denoiser, StepListener listener);

    /**
     * Whether hosts run this sampler on latents of variance 1, at whole timesteps: then the noise is the first latents as it is, and the
     * last sigma is that of timestep 0 where the model's configuration says so.
     */
    default boolean variancePreserving() {
        return false;
    }
}
