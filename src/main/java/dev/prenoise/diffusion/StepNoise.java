package dev.prenoise.diffusion;

import dev.prenoise.tensor.Tensor;

/** The noise that a stochastic sampler adds at its steps. */
@FunctionalInterface
public interface StepNoise {
    /** For samplers that add none. */
    StepNoise NONE = step -> {
        throw new IllegalStateException("step noise: asked for at step " + step + " (expected: a sampler without)");
    };

    /**
     * A function of the step alone, for each element of the batch: what is sampled beside it or was asked for before changes nothing.
     *
     * @param step 0 to steps - 1
     * @return {@code [B, C, H, W]}, independent values of variance 1
     */
    Tensor at(int step);
}
