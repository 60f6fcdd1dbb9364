package dev.prenoise.search;

import java.util.Collection;
import java.util.List;

/** Who is best among candidates. Immutable, thread-safe. */
public interface Ranking {
    /** Of the scores that {@link #rank} gives. */
    boolean lowerIsBetter();

    /**
     * Best first, the lower index first among equals; whatever is not finite last. Where a score depends on who else is there, as a mean rank
     * does, each comes back with the score that it has in this pool.
     */
    List<Candidate> rank(Collection<Candidate> pool);

    /** By the evaluator's score alone. */
    static Ranking byScore(boolean lowerIsBetter) {
        return new ScoreRanking(lowerIsBetter);
    }
}
