package dev.prenoise.diffusion;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * What a sampler is made of: it is linear in the noise and in the denoiser's answers, with factors that follow from the plan alone (what a
 * stochastic one adds at its steps is a constant). They are read off by sampling unit vectors, whatever the sampler's formulas are.
 *
 * @param inputs of each denoiser call, in the order of calls: what it is given holds {@code inputs[call][0]} times the noise and {@code
 *     inputs[call][1 + earlier]} times the answer to each earlier call
 * @param latents the same of the latents at the end
 * @param steps of each call, from 0
 */
record LinearFactors(double[][] inputs, double[] latents, int[] steps) {
    /**
     * @param scales its {@link Denoiser#inputScale} and {@link Denoiser#signal} are asked, no more
     */
    static LinearFactors of(Sampler sampler, SamplingPlan plan, Denoiser scales) {
        int calls = sampler.calls(plan);
        double[][] inputs = new double[calls][];
        // the index of each step's first call: the listener hears of a step right after that
        List<Integer> first = new ArrayList<>();
        int[] made = {0};
        Denoiser probe = new Denoiser() {
            @Override
            public Tensor x0(Tensor x, double sigma, double timestep) {
                inputs[made[0]++] = x.toDoubles();
                return unit(calls, made[0]);
            }

            @Override
            public double inputScale(double sigma) {
                return scales.inputScale(sigma);
            }

            @Override
            public double signal(double sigma) {
                return scales.signal(sigma);
            }
        };
        double[] latents;
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            StepNoise nothing = step -> unit(calls, 0).mul(0);
            latents = sampler.sample(unit(calls, 0), plan, probe, nothing, (step, all, x0) -> first.add(made[0] - 1))
                    .toDoubles();
        }
        int[] steps = new int[calls];
        for (int call = 0, step = 0; call < calls; call++) {
            if (step + 1 < first.size() && first.get(step + 1) == call) {
                step++;
            }
            steps[call] = step;
        }
        return new LinearFactors(inputs, latents, steps);
    }

    /** The noise is vector 0, the answer to call k vector k + 1. */
    private static Tensor unit(int calls, int which) {
        double[] values = new double[calls + 1];
        values[which] = 1;
        return Tensor.of(Compute.cpu(), values, calls + 1, 1, 1, 1);
    }

    /** The first call that belongs to the last {@code steps} of the plan's; 0 = all. */
    int firstOfLast(int steps) {
        int from = steps == 0 ? 0 : Math.max(0, this.steps[this.steps.length - 1] + 1 - steps);
        int call = 0;
        while (this.steps[call] < from) {
            call++;
        }
        return call;
    }
}
