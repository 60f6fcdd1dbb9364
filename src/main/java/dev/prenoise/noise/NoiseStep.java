package dev.prenoise.noise;

/** One change made to a noise after it was drawn. */
public sealed interface NoiseStep {
    /** Zero-order move: {@code normalise(noise + stepSize * direction(seed))}. */
    record Perturbation(long seed, double stepSize) implements NoiseStep {}

    /** Gradient steps by a named algorithm. Not replayable from numbers alone: the noise itself travels with the candidate. */
    record Optimization(String algorithm, int lossEvaluations) implements NoiseStep {}
}
