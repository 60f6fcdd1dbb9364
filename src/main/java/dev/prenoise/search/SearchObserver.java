package dev.prenoise.search;

import org.jspecify.annotations.Nullable;

/** What a search tells and asks while it runs. Called from the search's own thread. */
public interface SearchObserver {
    /**
     * A candidate was scored. Called in the order of indices, before anything else is evaluated that depends on it.
     *
     * @param candidate with the score that it has among those so far
     * @param bestSoFar of all so far. Where scores depend on the pool, a newcomer can also change which of the others is best; only
     *     {@link Outcome#ranked} tells
     */
    void scored(Candidate candidate, boolean bestSoFar, Spend spent);

    /** Something was spent within a candidate (an optimisation step); may be ignored. */
    default void progress(Spend spent, double bestScore, String stage) {}

    /** Asked before each evaluation. True ends the search with {@link StopReason#CANCELLED}, keeping what was best so far. */
    boolean stopRequested();

    /**
     * A candidate of this index that an earlier, interrupted run of the same search has already scored, or null. It is counted at its
     * recorded cost and reported through {@link #scored} again, so that a resumed run equals an undisturbed one.
     */
    default @Nullable Candidate recorded(int index) {
        return null;
    }
}
