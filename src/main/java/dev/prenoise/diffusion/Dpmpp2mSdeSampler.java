package dev.prenoise.diffusion;

import dev.prenoise.tensor.Tensor;

/**
 * DPM-Solver++(2M) of the diffusion SDE (Lu et al., "DPM-Solver++: fast solver for guided sampling of diffusion probabilistic models",
 * 2022, "SDE-DPM-Solver++(2M)"), as k-diffusion's and ComfyUI's {@code sample_dpmpp_2m_sde} have it with the midpoint solver and eta 1. With a
 * the share of clean latents in noisy ones (1; {@code 1 - s} for a flow), {@code h = log(a' / sigma') - log(a / sigma)} and r the h of the
 * step before over this one's:
 *
 * <pre>{@code
 * D = x0 + (x0 - x0 before) / (2 * r)
 * x' = sigma' / sigma * exp(-h) * x + a' * (1 - exp(-2 * h)) * D + sigma' * sqrt(1 - exp(-2 * h)) * noise
 * }</pre>
 *
 * The first step has {@code D = x0}; one that ends at 0 ends at x0. Hosts draw the noise from a Brownian tree, which is independent between
 * steps, as here.
 */
final class Dpmpp2mSdeSampler implements Sampler {
    @Override
    public String name() {
        return "dpmpp_2m_sde";
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
    public boolean needsSignal() {
        return true;
    }

    @Override
    public boolean stochastic() {
        return true;
    }

    @Override
    public Tensor sample(
            Tensor noise, SamplingPlan plan, Denoiser denoiser, StepNoise stepNoise, StepListener listener) {
        return Steps.walkTwoStep(noise, plan, denoiser, listener, (step, x, x0, before) -> {
            double sigma = step.sigma();
            double next = step.next();
            if (next == 0) {
                return x0.add(0);
            }
            double h = logSnr(denoiser, next) - logSnr(denoiser, sigma);
            double fresh = -Math.expm1(-2 * h);
            Tensor target = x0;
            if (before != null) {
                double earlier = plan.sigmas().get(step.index() - 1);
                double r = (logSnr(denoiser, sigma) - logSnr(denoiser, earlier)) / h;
                target = x0.add(x0.sub(before).mul(1 / (2 * r)));
            }
            return x.mul(next / sigma * Math.exp(-h))
                    .add(target.mul(denoiser.signal(next) * fresh))
                    .add(stepNoise.at(step.index()).mul(next * Math.sqrt(fresh)));
        });
    }

    /** Half of the logarithm of the signal to noise ratio: rises as sigma falls. */
    private static double logSnr(Denoiser denoiser, double sigma) {
        return Math.log(denoiser.signal(sigma) / sigma);
    }
}
