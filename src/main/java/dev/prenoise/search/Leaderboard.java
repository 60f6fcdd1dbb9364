package dev.prenoise.search;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The best candidates so far, best first. Among equals the lower index stands first; a score that is not finite ranks behind every finite
 * one, whatever its sign. Not thread-safe.
 */
public final class Leaderboard {
    private final Comparator<Candidate> order;
    private final int capacity;
    private final List<Candidate> ranked = new ArrayList<>();

    /**
     * @param capacity how many to keep
     * @throws IllegalArgumentException when nothing could be kept
     */
    public Leaderboard(int capacity, boolean lowerIsBetter) {
        if (capacity < 1) {
            throw new IllegalArgumentException("capacity: " + capacity + " (expected: >= 1)");
        }
        this.capacity = capacity;
        this.order = order(lowerIsBetter);
    }

    /** Best first: by score, then by index; whatever is not finite last. */
    public static Comparator<Candidate> order(boolean lowerIsBetter) {
        return (a, b) -> {
            int byScore = compareScores(a.score(), b.score(), lowerIsBetter);
            return byScore != 0 ? byScore : Integer.compare(a.index(), b.index());
        };
    }

    /** Negative when {@code a} is the better score. */
    static int compareScores(double a, double b, boolean lowerIsBetter) {
        boolean aCounts = Double.isFinite(a);
        boolean bCounts = Double.isFinite(b);
        if (!aCounts || !bCounts) {
            return Boolean.compare(bCounts, aCounts);
        }
        // not Double.compare: 0.0 and -0.0 are the same score
        if (a == b) {
            return 0;
        }
        return (a < b) == lowerIsBetter ? -1 : 1;
    }

    /** Takes the candidate in where it ranks. True when it is now the best, which a score that is not finite never is. */
    public boolean offer(Candidate candidate) {
        int found = Collections.binarySearch(ranked, candidate, order);
        int place = found < 0 ? -found - 1 : found + 1;
        if (place >= capacity) {
            return false;
        }
        ranked.add(place, candidate);
        if (ranked.size() > capacity) {
            ranked.remove(capacity);
        }
        return place == 0 && Double.isFinite(candidate.score());
    }

    public @Nullable Candidate best() {
        return ranked.isEmpty() ? null : ranked.get(0);
    }

    /** A copy, best first. */
    public List<Candidate> ranked() {
        return List.copyOf(ranked);
    }
}
