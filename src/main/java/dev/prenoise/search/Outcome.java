package dev.prenoise.search;

import java.util.List;

/**
 * How a search ended.
 *
 * @param ranked every scored candidate that is kept, best first, first index first among equals
 * @param baseline candidate 0; where the search ended before it was scored, its score is NaN and {@code ranked} is empty
 */
public record Outcome(List<Candidate> ranked, Candidate baseline, StopReason stopReason, Spend spent) {
    public Outcome {
        ranked = List.copyOf(ranked);
    }
}
