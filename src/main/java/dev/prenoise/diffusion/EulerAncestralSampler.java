package dev.prenoise.diffusion;

import dev.prenoise.tensor.Tensor;

/**
 * Euler's method to a lower sigma than the next, and noise up to the next: the ancestral sampling of DDPM (Ho, Jain and Abbeel, "Denoising
 * diffusion probabilistic models", 2020, algorithm 2) as k-diffusion's {@code sample_euler_ancestral} has it with eta 1, and for flows
 * ComfyUI's {@code sample_euler_ancestral_RF}. With a the share of clean latents in noisy ones (1; {@code 1 - s} for a flow):
 *
 * <pre>{@code
 * down = sigma'^2 / sigma
 * keep = a(sigma') / a(down)
 * x' = keep * (x0 + (x - x0) * down / sigma) + sqrt(sigma'^2 - (keep * down)^2) * noise
 * }</pre>
 */
final class EulerAncestralSampler implements Sampler {
    @Override
    public String name() {
        return "euler_ancestral";
    }

    @Override
    public int calls(SamplingPlan plan) {
        return plan.steps();
    }

    @Override
    public boolean stochastic() {
        return true;
    }

    @Override
    public Tensor sample(
            Tensor noise, SamplingPlan plan, Denoiser denoiser, StepNoise stepNoise, StepListener listener) {
        return Steps.walk(noise, plan, denoiser, listener, (step, x, x0) -> {
            double sigma = step.sigma();
            double next = step.next();
            double down = next * next / sigma;
            double keep = denoiser.signal(next) / denoiser.signal(down);
            Tensor lower = x0.add(x.sub(x0).mul(down / sigma)).mul(keep);
            if (next == 0) {
                return lower;
            }
            double added = Math.sqrt(next * next - keep * down * keep * down);
            return lower.add(stepNoise.at(step.index()).mul(added));
        });
    }
}
