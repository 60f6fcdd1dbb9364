package dev.prenoise.search;

/** Proposes noise, has it scored, keeps the best. Never knows what a model is. Instances are immutable and thread-safe. */
public interface SearchAlgorithm {
    /** Its name in results: "best-of-n", "initno", ... */
    String name();

    /**
     * Runs to the end of the budget. The same source and evaluator give the same candidates whatever {@link Evaluator#maxBatch()} is.
     * Candidate 0 is {@code source.draw(0)}: the result is never worse than it by its own score.
     */
    Outcome search(CandidateSource source, Evaluator evaluator, Budget budget, SearchObserver observer);
}
