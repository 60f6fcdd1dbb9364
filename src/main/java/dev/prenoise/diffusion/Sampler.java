package dev.prenoise.diffusion;

import dev.prenoise.tensor.Tensor;

/** A way from noise to latents. Stateless. */
public interface Sampler {
    String name();

    /** Denoiser calls of a whole run, a guided call counting 1. */
    int calls(SamplingPlan plan);

    /**
     * Records gradients if the thread's {@link dev.prenoise.tensor.GradMode} is on: turn it off to draw.
     *
     * @param noise {@code [B, C, H, W]}, unit variance. Each element of the batch is sampled as if alone
     * @param plan made for this sampler
     * @param stepNoise not asked by samplers that add none
     * @return latents as the VAE's scaling has them, {@code [B, C, H, W]}; noise is left in them where the plan ends above 0
     */
    Tensor sample(Tensor noise, SamplingPlan plan, Denoiser denoiser, StepNoise stepNoise, StepListener listener);

    /**
     * Whether hosts run this sampler on latents of variance 1, at whole timesteps: then the noise is the first latents as it is, and the
     * last sigma is that of timestep 0 where the model's configuration says so.
     */
    default boolean variancePreserving() {
        return false;
    }

    /**
     * Whether diffusers runs this sampler by its DPMSolverMultistepScheduler: at whole timesteps, with the first latents being the noise as
     * it is, and with steps that are cut as if there were one more, down to timestep 0 where "leading" and "linspace" say so.
     */
    default boolean multistep() {
        return false;
    }

    /**
     * Whether this sampler's formulas take the logarithm of the signal, of which a flow has none at its first sigma of 1: its plans begin
     * a little below, as ComfyUI's do.
     */
    default boolean needsSignal() {
        return false;
    }

    /** Whether it adds noise at its steps: {@link StepNoise} is asked. */
    default boolean stochastic() {
        return false;
    }
}
