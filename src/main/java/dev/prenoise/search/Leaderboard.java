package dev.prenoise.search;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The candidates so far, best first. Among equals the lower index stands first; a score that is not finite ranks behind every finite
 * one, whatever its sign. Where scores depend on the pool, all are ranked again with each newcomer. Not thread-safe.
 */
public final class Leaderboard {
    private final Ranking ranking;
    private final Comparator<Candidate> order;
    private List<Candidate> ranked = new ArrayList<>();

    public Leaderboard(Ranking ranking) {
        this.ranking = ranking;
        this.order = order(ranking.lowerIsBetter());
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

    /** Takes the candidate in. Returns its place, 0 for the best. */
    public int offer(Candidate candidate) {
        if (ranking.dependsOnPool()) {
            ranked.add(candidate);
            ranked = new ArrayList<>(ranking.rank(ranked));
            int place = 0;
            while (ranked.get(place).index() != candidate.index()) {
                place++;
            }
            return place;
        }
        int found = Collections.binarySearch(ranked, candidate, order);
        int place = found < 0 ? -found - 1 : found + 1;
        ranked.add(place, candidate);
        return place;
    }

    /** With the score that it now has. */
    public Candidate at(int place) {
        return ranked.get(place);
    }

    public @Nullable Candidate best() {
        return ranked.isEmpty() ? null : ranked.get(0);
    }

    public int size() {
        return ranked.size();
    }

    /** The best of some that are here, with the score that it now has. */
    Candidate best(List<Candidate> some) {
        if (!ranking.dependsOnPool()) {
            return Collections.min(some, order);
        }
        Set<Integer> indices = some.stream().map(Candidate::index).collect(Collectors.toSet());
        return ranked.stream()
                .filter(candidate -> indices.contains(candidate.index()))
                .findFirst()
                .orElseThrow();
    }

    /** A copy, best first. */
    public List<Candidate> ranked() {
        return List.copyOf(ranked);
    }
}
