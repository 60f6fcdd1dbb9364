package dev.prenoise.search;

import dev.prenoise.noise.Noise;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The score of one noise.
 *
 * @param score in the evaluator's own direction, see {@link Evaluator#lowerIsBetter()}
 * @param terms the parts of the score, by name
 * @param gradient of the score (or of the part that the evaluator optimises) with respect to the noise, same shape; null when not asked for
 */
public record Evaluation(
        double score, Map<String, Double> terms, @Nullable Noise gradient) {
    public Evaluation {
        terms = Map.copyOf(terms);
    }
}
