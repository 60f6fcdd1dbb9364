package dev.prenoise.noise;

/** One change made to a noise after it was drawn. */
public sealed interface NoiseStep {
    /**
     * Zero-order move: the noise turns towards a random direction and keeps its norm.
     *
     * <p>With u = noise / |noise|, v = the seed's {@link NoiseSource#TORCH_CPU} noise of the same shape and w = (v - (v.u) u) normalised,
     * the result is {@code |noise| * normalise(u + stepSize * w)}. Hence the cosine between old and new is
     * {@code 1 / sqrt(1 + stepSize^2)}; for a cosine c the step size is {@code sqrt(1 / c^2 - 1)}, 0.3287 for 0.95. This is the move of
     * zero-order search (Ma et al., arXiv 2501.09732) as its community code has it, with the tangent of the angle in place of the cosine.
     *
     * @param seed unsigned 64-bit seed of the direction
     * @param stepSize tangent of the angle; a negative one turns the other way
     */
    record Perturbation(long seed, double stepSize) implements NoiseStep {}

    /**
     * Steps by a named algorithm: along gradients, or more random ones than a recipe lists. Not replayable from numbers alone: the noise itself
     * travels with the candidate.
     *
     * @param lossEvaluations scores or gradients that led here
     */
    record Optimization(String algorithm, int lossEvaluations) implements NoiseStep {}
}
