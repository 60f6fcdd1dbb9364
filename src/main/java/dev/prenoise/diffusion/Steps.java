package dev.prenoise.diffusion;

import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** The walk down the sigmas that the methods share. */
final class Steps {
    private Steps() {}

    /**
     * Where a walk is.
     *
     * @param index 0 to steps - 1
     */
    record Step(SamplingPlan plan, int index) {
        double sigma() {
            return plan.sigmas().get(index);
        }

        double next() {
            return plan.sigmas().get(index + 1);
        }

        double timestep() {
            return plan.timesteps().get(index);
        }

        /** What the network is told at {@link #next}. */
        double nextTimestep() {
            return index + 1 < plan.steps() ? plan.timesteps().get(index + 1) : plan.lastTimestep();
        }
    }

    /** One step of a method. */
    @FunctionalInterface
    interface Rule {
        /**
         * @param x noisy latents at {@code sigma}
         * @param x0 the denoiser's answer to x
         * @return noisy latents at {@code next}
         */
        Tensor next(Step step, Tensor x, Tensor x0);
    }

    /** One step of a method that looks back one. */
    @FunctionalInterface
    interface TwoStepRule {
        /**
         * @param before the x0 of the step before; null at the first
         */
        Tensor next(Step step, Tensor x, Tensor x0, @Nullable Tensor before);
    }

    /** Holds one step's tensors at a time. */
    static Tensor walk(Tensor noise, SamplingPlan plan, Denoiser denoiser, StepListener listener, Rule rule) {
        Tensor x = Scope.of(() -> plan.firstLatents(noise, denoiser));
        for (int i = 0; i < plan.steps(); i++) {
            Tensor before = x;
            Step step = new Step(plan, i);
            x = Scope.of(() -> {
                Tensor x0 = denoiser.x0(before, step.sigma(), step.timestep());
                listener.step(step.index() + 1, plan.steps(), x0);
                return rule.next(step, before, x0);
            });
            before.close();
        }
        return x;
    }

    /** Holds one step's tensors and the clean latents of the one before. */
    static Tensor walkTwoStep(
            Tensor noise, SamplingPlan plan, Denoiser denoiser, StepListener listener, TwoStepRule rule) {
        try (Memory memory = new Memory(rule)) {
            return walk(noise, plan, denoiser, listener, memory);
        }
    }

    private static final class Memory implements Rule, AutoCloseable {
        private final TwoStepRule rule;
        private @Nullable Tensor before;

        Memory(TwoStepRule rule) {
            this.rule = rule;
        }

        @Override
        public Tensor next(Step step, Tensor x, Tensor x0) {
            Tensor next = rule.next(step, x, x0, before);
            close();
            // A copy: the step's own are freed with it.
            before = Scope.release(x0.add(0));
            return next;
        }

        @Override
        public void close() {
            if (before != null) {
                before.close();
                before = null;
            }
        }
    }
}
