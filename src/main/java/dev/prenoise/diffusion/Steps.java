package dev.prenoise.diffusion;

import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;

/** The walk down the sigmas that one-step methods share. */
final class Steps {
    private Steps() {}

    /** One step of a method. */
    @FunctionalInterface
    interface Rule {
        /**
         * @param x noisy latents at {@code sigma}
         * @param x0 the denoiser's answer to x
         * @return noisy latents at {@code next}
         */
        Tensor next(Tensor x, Tensor x0, double sigma, double next);
    }

    /** Holds one step's tensors at a time. */
    static Tensor walk(Tensor noise, SamplingPlan plan, Denoiser denoiser, StepListener listener, Rule rule) {
        int steps = plan.steps();
        Tensor x = Scope.of(() -> plan.firstLatents(noise, denoiser));
        for (int i = 0; i < steps; i++) {
            Tensor before = x;
            int step = i;
            double sigma = plan.sigmas().get(step);
            x = Scope.of(() -> {
                Tensor x0 = denoiser.x0(before, sigma, plan.timesteps().get(step));
                listener.step(step + 1, steps, x0);
                return rule.next(before, x0, sigma, plan.sigmas().get(step + 1));
            });
            before.close();
        }
        return x;
    }
}
