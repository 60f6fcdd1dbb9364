package dev.prenoise.search;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A scored noise.
 *
 * @param index 0 is always the plain noise that the host would have used
 * @param recipe how to make it again
 * @param noise the values, where the recipe alone cannot replay them (a caller's tensor, gradient steps); otherwise may be null
 * @param score in the direction of the evaluator's {@link Ranking}; one that is not finite ranks last. Where it depends on who else was
 *     scored, that of the moment: a later one may differ, {@link Outcome#ranked} has the last
 * @param terms the parts of the score
 * @param cost what scoring it spends by itself; in a batch the denoiser calls are shared, so a search may make fewer than its candidates' sum
 */
public record Candidate(
        int index, NoiseRecipe recipe, @Nullable Noise noise, double score, Map<String, Double> terms, Spend cost) {
    public Candidate {
        terms = Map.copyOf(terms);
    }

    Candidate withScore(double score) {
        return new Candidate(index, recipe, noise, score, terms, cost);
    }
}
