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
    public int calls(int steps) {
        return steps;
    }

    @Override
    public Tensor sample(Tensor noise, SamplingPlan plan, Denoiser denoiser, StepListener listener) {
        return Steps.walk(
                noise,
                plan,
                denoiser,
                listener,
                (x, x0, sigma, next) -> x.add(x.sub(x0).mul((next - sigma) / sigma)));
    }
}
