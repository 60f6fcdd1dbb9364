package dev.prenoise.diffusion;

import dev.prenoise.tensor.Tensor;

/**
 * Heun's method on the probability flow (Karras et al., "Elucidating the design space of diffusion-based generative models", 2022,
 * algorithm 1): with {@code d(x) = (x - x0) / sigma}, an Euler step to {@code y = x + (sigma' - sigma) * d(x)}, and then again from x with
 * the mean of both slopes, {@code x' = x + (sigma' - sigma) * (d(x) + d(y)) / 2}. There is no slope at 0: the step that ends there is
 * Euler's.
 */
final class HeunSampler implements Sampler {
    @Override
    public String name() {
        return "heun";
    }

    @Override
    public int calls(SamplingPlan plan) {
        return plan.lastSigma() == 0 ? 2 * plan.steps() - 1 : 2 * plan.steps();
    }

    @Override
    public Tensor sample(
            Tensor noise, SamplingPlan plan, Denoiser denoiser, StepNoise stepNoise, StepListener listener) {
        return Steps.walk(noise, plan, denoiser, listener, (step, x, x0) -> {
            double sigma = step.sigma();
            double next = step.next();
            Tensor slope = x.sub(x0).mul(1 / sigma);
            Tensor euler = x.add(slope.mul(next - sigma));
            if (next == 0) {
                return euler;
            }
            Tensor there = denoiser.x0(euler, next, step.nextTimestep());
            Tensor slopeThere = euler.sub(there).mul(1 / next);
            return x.add(slope.add(slopeThere).mul((next - sigma) / 2));
        });
    }
}
