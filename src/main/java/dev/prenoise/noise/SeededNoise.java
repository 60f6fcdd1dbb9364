package dev.prenoise.noise;

import java.util.List;

/**
 * All that a picture depends on beside its prompt.
 *
 * @param seed of the noise's recipe, unsigned: the noise that a stochastic sampler adds at its steps follows from it. A host's own differs,
 *     as it comes from the host's generators
 */
public record SeededNoise(Noise noise, long seed) {
    /** Each with seed 0, in order: for what is drawn of the noise alone. */
    public static List<SeededNoise> unseeded(List<Noise> noises) {
        return noises.stream().map(noise -> new SeededNoise(noise, 0)).toList();
    }
}
