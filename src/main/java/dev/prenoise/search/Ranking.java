package dev.prenoise.search;

import java.util.Collection;
import java.util.List;
import java.util.Map;

/** Who is best among candidates. Immutable, thread-safe. */
public interface Ranking {
    /** Of the scores that {@link #rank} gives. */
    boolean lowerIsBetter();

    /** Whether a candidate's score depends on who else is there, as a mean rank does. */
    boolean dependsOnPool();

    /**
     * Best first, the lower index first among equals; whatever is not finite last. Where a score depends on who else is there, each comes
     * back with the score that it has in this pool.
     */
    List<Candidate> rank(Collection<Candidate> pool);

    /**
     * What each is worth on a scale whose differences mean something, which those of ranks do not: for rules that weigh gains. In the
     * order of the pool and in the direction of {@link #lowerIsBetter}; NaN for what could not be judged.
     */
    double[] worth(List<Candidate> pool);

    /** By the evaluator's score alone. */
    static Ranking byScore(boolean lowerIsBetter) {
        return new ScoreRanking(lowerIsBetter);
    }

    /**
     * By {@link dev.prenoise.verifier.RankEnsemble} over terms of the candidates, higher is better in each. A candidate's score is the mean
     * share of the pool that it beats, 0.5 for one alone.
     *
     * @param weights of the terms, by their names in {@link Candidate#terms}; a candidate without one of them ranks last by it
     * @throws IllegalArgumentException when there is none, or one is not a positive number
     */
    static Ranking ensemble(Map<String, Double> weights) {
        return EnsembleRanking.of(weights);
    }
}
