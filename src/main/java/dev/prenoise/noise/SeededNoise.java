package dev.prenoise.noise;

/**
 * All that a picture depends on beside its prompt.
 *
 * @param seed of the noise's recipe, unsigned: the noise that a stochastic sampler adds at its steps follows from it. A host's own differs,
 *     as it comes from the host's generators
 */
public record SeededNoise(Noise noise, long seed) {}
