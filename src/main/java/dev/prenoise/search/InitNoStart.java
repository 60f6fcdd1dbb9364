package dev.prenoise.search;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.NoiseStep;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One noise on its way through {@link InitNoOptimizer}: its iterates, their scores, which of them is the result. Not thread-safe. */
final class InitNoStart {
    /** A term of a result whose start met both thresholds: 1. A resumed search ends by it where the first run did. */
    static final String SUCCESS = "success";

    private static final String CROSS = "cross";
    private static final String SELF = "self";
    private static final String SELF_CROSS = "self_cross";

    private final NoiseRecipe recipe;
    private final Noise noise;
    private final InitNoParameters parameters;
    private final InitNoOptimizer optimizer;

    private int evaluations;
    private boolean over;
    private boolean success;
    private @Nullable Noise iterate;
    private @Nullable Evaluation latest;
    private @Nullable Iterate result;

    /** One evaluated iterate: {@code steps} gradients made it. */
    private record Iterate(int steps, Noise noise, double score, Map<String, Double> terms) {}

    InitNoStart(NoiseRecipe recipe, Noise noise, InitNoParameters parameters) {
        this.recipe = recipe;
        this.noise = noise;
        this.parameters = parameters;
        this.optimizer = new InitNoOptimizer(noise.data(), parameters);
    }

    /** Of the recipe, unsigned. */
    long seed() {
        return recipe.seed();
    }

    int evaluations() {
        return evaluations;
    }

    /** Both thresholds were met, or the loss left the finite numbers: no step follows. */
    boolean over() {
        return over;
    }

    boolean success() {
        return success;
    }

    /** The noise to evaluate next. Steps on the last evaluation's gradient, which the last evaluation of a start never needs. */
    Noise next() {
        if (latest == null) {
            iterate = noise;
        } else {
            iterate = step(latest);
        }
        return iterate;
    }

    /** @param competes false for a start that is a candidate of its own */
    void observe(Evaluation evaluation, boolean competes) {
        Iterate seen = new Iterate(
                evaluations, iterate == null ? noise : iterate, score(evaluation, parameters), evaluation.terms());
        evaluations++;
        latest = evaluation;
        success = meetsThresholds(evaluation.terms(), parameters);
        over = success || !Double.isFinite(seen.score) || !isFinite(evaluation.gradient());
        boolean better = result == null || Leaderboard.compareScores(seen.score, result.score, true) < 0;
        if (competes && (parameters.literal() || better)) {
            result = seen;
        }
    }

    /** The result so far, null when nothing that competes was evaluated. */
    @Nullable
    Candidate candidate(int index, String algorithm, Spend cost) {
        if (result == null) {
            return null;
        }
        Iterate chosen = result;
        if (parameters.literal() && !over && latest != null) {
            chosen = new Iterate(evaluations, step(latest), result.score, result.terms);
        }
        List<NoiseStep> steps = new ArrayList<>(recipe.steps());
        if (chosen.steps > 0) {
            steps.add(new NoiseStep.Optimization(algorithm, chosen.steps));
        }
        Map<String, Double> terms = new HashMap<>(chosen.terms);
        if (success) {
            terms.put(SUCCESS, 1.0);
        }
        NoiseRecipe made = new NoiseRecipe(recipe.seed(), recipe.source(), recipe.shape(), steps, recipe.baseSha256());
        return new Candidate(index, made, chosen.noise, chosen.score, terms, cost);
    }

    private Noise step(Evaluation evaluation) {
        Noise gradient = evaluation.gradient();
        if (gradient == null) {
            throw new IllegalStateException("gradient: null (expected: one from every evaluateWithGradient)");
        }
        optimizer.step(gradient.data());
        return Noise.of(noise.shape(), optimizer.candidate());
    }

    /** Cross below its threshold and self below its: false where the loss has no such terms. */
    static boolean meetsThresholds(Map<String, Double> terms, InitNoParameters parameters) {
        Double cross = terms.get(CROSS);
        Double self = terms.getOrDefault(SELF, terms.get(SELF_CROSS));
        return cross != null && self != null && cross < parameters.tauCrossAttn() && self < parameters.tauSelfAttn();
    }

    /**
     * The evaluator's own ranking score; where literal and the loss has the terms, the published one: cross + self, and 1 more where the
     * self term was gated away, which the Self-Cross authors' copy leaves out.
     */
    static double score(Evaluation evaluation, InitNoParameters parameters) {
        Double cross = evaluation.terms().get(CROSS);
        Double selfCross = evaluation.terms().get(SELF_CROSS);
        Double self = evaluation.terms().getOrDefault(SELF, selfCross);
        if (!parameters.literal() || cross == null || self == null) {
            return evaluation.score();
        }
        return cross + self + (selfCross == null && self <= 1e-6 ? 1 : 0);
    }

    private static boolean isFinite(@Nullable Noise gradient) {
        if (gradient != null) {
            for (float value : gradient.data()) {
                if (!Float.isFinite(value)) {
                    return false;
                }
            }
        }
        return true;
    }
}
