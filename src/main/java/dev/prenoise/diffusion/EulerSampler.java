package dev.prenoise.diffusion;

import dev.prenoise.tensor.Tensor;

/**
 * Euler's method on the probability flow (Karras et al., "Elucidating the design space of diffusion-based generative models", 2022,
 * algorithm 1 without the correction): {@code x' = x + (sigma' - sigma) * (x - x0) / sigma}. The same on a rectified flow, whose velocity
 * is {@code (x - x0) / s}.
 */
final class EulerSampler implements Sampler {
    @Override
    public String name() {
        return "euler";
    }

    @Override
    public int calls(SamplingPlan plan) {
        return plan.steps();
    }

    @Override
    public Tensor sample(
            Tensor noise, SamplingPlan plan, Denoiser denoiser, StepNoise stepNoise, StepListener listener) {
        return Steps.walk(
                noise,
                plan,
                denoiser,
                listener,
                (step, x, x0) -> x.add(x.sub(x0).mul((step.next() - step.sigma()) / step.sigma())));
    }
}
