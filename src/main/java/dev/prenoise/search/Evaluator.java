package dev.prenoise.search;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.SeededNoise;
import java.util.List;

/**
 * The seam of the design: scores noise and says what it spent. A search algorithm knows this and nothing of models. Attention losses,
 * verifiers, the host's own model and another sidecar are evaluators.
 *
 * <p>A score depends on the noise (and its seed) alone, never on the batch it came in. Not thread-safe: one search calls it from one thread at a time.
 */
public interface Evaluator {
    /** How many noises one call may carry; at least 1. May change while a search runs (memory pressure). */
    int maxBatch();

    boolean lowerIsBetter();

    /** Whether {@link #evaluateWithGradient} works. */
    boolean differentiable();

    /** What one noise costs. Exact: budgets are kept by it. */
    Spend cost();

    /** What one noise costs with its gradient. Exact. */
    default Spend gradientCost() {
        return cost();
    }

    /** Who is best among candidates that this evaluator scored. */
    default Ranking ranking() {
        return Ranking.byScore(lowerIsBetter());
    }

    /**
     * @param noises 1 to {@link #maxBatch()}
     * @return one evaluation for each noise, in order
     */
    List<Evaluation> evaluate(List<Noise> noises);

    /**
     * {@link #evaluate} for those whose score depends on the recipe's seed as well as on the noise: pictures of a stochastic sampler do.
     * Searches call this one; {@link #evaluate} is the same for seed 0.
     */
    default List<Evaluation> evaluateSeeded(List<SeededNoise> noises) {
        return evaluate(noises.stream().map(SeededNoise::noise).toList());
    }

    /**
     * {@link #evaluateSeeded} for candidates in the order of their indices, with those that come after them: one that computes on several
     * machines begins with them too, so that none waits for another.
     *
     * @param proposals 1 to {@link #maxBatch()}
     * @param following what will be asked for next, in order, unless the search ends or finds better: at most {@link #ahead()}
     * @return one evaluation for each of the proposals, in order
     */
    default List<Evaluation> evaluateProposals(List<Proposal> proposals, List<Proposal> following) {
        return evaluateSeeded(proposals.stream().map(Proposal::seeded).toList());
    }

    /** How many of the next proposals it makes use of; 0 where it computes what it is asked for and no more. May change at any time. */
    default int ahead() {
        return 0;
    }

    /**
     * @return evaluations whose gradient is set
     * @throws UnsupportedOperationException where {@link #differentiable()} is false
     */
    List<Evaluation> evaluateWithGradient(List<Noise> noises);

    /** {@link #evaluateWithGradient} as {@link #evaluateSeeded} is to {@link #evaluate}. */
    default List<Evaluation> evaluateSeededWithGradient(List<SeededNoise> noises) {
        return evaluateWithGradient(noises.stream().map(SeededNoise::noise).toList());
    }
}
