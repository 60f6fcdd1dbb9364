package dev.prenoise.diffusion;

import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;

/**
 * DDIM without added noise (Song, Meng and Ermon, "Denoising diffusion implicit models", 2021, equation 12 with eta 0): {@code x_t' =
 * sqrt(ab') * x0 + sqrt(1 - ab') * eps}. Walked here on {@code x = x_t / sqrt(ab)}, where it reads {@code x' = x0 + sigma' * eps}; the end
 * is brought back to variance 1.
 */
final class DdimSampler implements Sampler {
    @Override
    public String name() {
        return "ddim";
    }

    @Override
    public int calls(SamplingPlan plan) {
        return plan.steps();
    }

    @Override
    public Tensor sample(
            Tensor noise, SamplingPlan plan, Denoiser denoiser, StepNoise stepNoise, StepListener listener) {
        double scale = denoiser.inputScale(plan.lastSigma());
        Steps.Rule rule = (step, x, x0) -> x0.add(x.sub(x0).mul(step.next() / step.sigma()));
        return Scope.of(() -> Steps.walk(noise, plan, denoiser, listener, rule).mul(scale));
    }

    @Override
    public boolean variancePreserving() {
        return true;
    }
}
