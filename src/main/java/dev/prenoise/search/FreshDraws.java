package dev.prenoise.search;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;

/** Draws 1, 2, ... as 0, 1, ...: candidate 0 needs no screening. */
record FreshDraws(CandidateSource source) implements CandidateSource {
    @Override
    public NoiseRecipe recipe(int index) {
        return source.recipe(index + 1);
    }

    @Override
    public Noise draw(int index) {
        return source.draw(index + 1);
    }

    @Override
    public long deriveSeed(int round, int index) {
        return source.deriveSeed(round, index);
    }
}
