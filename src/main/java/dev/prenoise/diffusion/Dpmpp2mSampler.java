package dev.prenoise.diffusion;

import dev.prenoise.tensor.Tensor;

/**
 * DPM-Solver++(2M) (Lu et al., "DPM-Solver++: fast solver for guided sampling of diffusion probabilistic models", 2022, algorithm 2), as
 * k-diffusion's {@code sample_dpmpp_2m} has it: with {@code h = log(sigma / sigma')} and r the h of the step before over this one's,
 *
 * <pre>{@code
 * D = x0 + (x0 - x0 before) / (2 * r)
 * x' = sigma' / sigma * x + (1 - sigma' / sigma) * D
 * }</pre>
 *
 * The first step and one that ends at 0 have {@code D = x0}. A flow's latents obey the same equation in its own sigma.
 */
final class Dpmpp2mSampler implements Sampler {
    @Override
    public String name() {
        return "dpmpp_2m";
    }

    @Override
    public int calls(SamplingPlan plan) {
        return plan.steps();
    }

    @Override
    public boolean multistep() {
        return true;
    }

    @Override
    public Tensor sample(
            Tensor noise, SamplingPlan plan, Denoiser denoiser, StepNoise stepNoise, StepListener listener) {
        return Steps.walkTwoStep(noise, plan, denoiser, listener, (step, x, x0, before) -> {
            double ratio = step.next() / step.sigma();
            Tensor target = x0;
            if (before != null && step.next() > 0) {
                double r = Math.log(plan.sigmas().get(step.index() - 1) / step.sigma()) / -Math.log(ratio);
                target = x0.add(x0.sub(before).mul(1 / (2 * r)));
            }
            return x.mul(ratio).add(target.mul(1 - ratio));
        });
    }
}
