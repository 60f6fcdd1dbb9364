package dev.prenoise.study;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Noise is scored once however many searches come by it: searches that follow different verifiers begin with the same noises, and their budgets
 * are counted by the searches themselves.
 */
final class Remembered {
    private final Evaluator evaluator;
    private final Map<String, Evaluation> known = new HashMap<>();

    Remembered(Evaluator evaluator) {
        this.evaluator = evaluator;
    }

    List<Evaluation> evaluate(List<SeededNoise> noises) {
        Map<String, SeededNoise> missing = new LinkedHashMap<>();
        for (SeededNoise noise : noises) {
            if (!known.containsKey(key(noise))) {
                missing.put(key(noise), noise);
            }
        }
        List<SeededNoise> fresh = List.copyOf(missing.values());
        for (int from = 0; from < fresh.size(); from += evaluator.maxBatch()) {
            List<SeededNoise> part = fresh.subList(from, Math.min(fresh.size(), from + evaluator.maxBatch()));
            List<Evaluation> evaluations = evaluator.evaluateSeeded(part);
            for (int i = 0; i < part.size(); i++) {
                known.put(key(part.get(i)), evaluations.get(i));
            }
        }
        List<Evaluation> evaluations = new ArrayList<>();
        for (SeededNoise noise : noises) {
            Evaluation evaluation = known.get(key(noise));
            if (evaluation == null) {
                throw new IllegalStateException("evaluation: none (expected: one for each noise)");
            }
            evaluations.add(evaluation);
        }
        return evaluations;
    }

    private static String key(SeededNoise noise) {
        Noise values = noise.noise();
        return values.sha256() + noise.seed();
    }
}
