package dev.prenoise.search;

import java.util.Collection;
import java.util.List;

/** By score: what one candidate is worth does not depend on the others. */
record ScoreRanking(boolean lowerIsBetter) implements Ranking {
    @Override
    public boolean dependsOnPool() {
        return false;
    }

    @Override
    public List<Candidate> rank(Collection<Candidate> pool) {
        return pool.stream().sorted(Leaderboard.order(lowerIsBetter)).toList();
    }

    @Override
    public double[] worth(List<Candidate> pool) {
        return pool.stream().mapToDouble(Candidate::score).toArray();
    }
}
