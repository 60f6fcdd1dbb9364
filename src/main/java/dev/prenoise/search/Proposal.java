package dev.prenoise.search;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.NoiseRecipes;
import dev.prenoise.noise.NoiseStep;
import dev.prenoise.noise.SeededNoise;
import org.jspecify.annotations.Nullable;

/**
 * A noise that is to be scored.
 *
 * @param recipe of the noise
 */
public record Proposal(NoiseRecipe recipe, Noise noise) {
    static Proposal drawn(CandidateSource source, int index) {
        return new Proposal(source.recipe(index), source.draw(index));
    }

    /** With the seed of what a stochastic sampler adds. */
    public SeededNoise seeded() {
        return new SeededNoise(noise, recipe.seed());
    }

    Candidate candidate(int index, Evaluation evaluation, Spend cost) {
        return new Candidate(index, recipe, carried(recipe, noise), evaluation.score(), evaluation.terms(), cost);
    }

    /** Of a candidate; replayed where it does not carry it. */
    static Noise noise(Candidate candidate) {
        Noise carried = candidate.noise();
        return carried != null ? carried : NoiseRecipes.replay(candidate.recipe());
    }

    /** The noise, where its recipe alone cannot replay it. */
    static @Nullable Noise carried(NoiseRecipe recipe, Noise noise) {
        boolean optimized = recipe.steps().stream().anyMatch(NoiseStep.Optimization.class::isInstance);
        return optimized || recipe.baseSha256() != null ? noise : null;
    }
}
