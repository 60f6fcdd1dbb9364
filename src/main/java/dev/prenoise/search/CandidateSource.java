package dev.prenoise.search;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;

/** Fresh noise by index. Thread-safe, the same index always gives the same noise. */
public interface CandidateSource {
    /** Index 0 is the host's own noise. */
    NoiseRecipe recipe(int index);

    Noise draw(int index);

    /** Seed of an algorithm's own draw (perturbations, path noise), from (seed, round, index). Unsigned 64-bit. */
    long deriveSeed(int round, int index);
}
