package dev.prenoise.search;

import dev.prenoise.verifier.RankEnsemble;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** By mean rank over several terms: what a candidate is worth depends on all of them. */
record EnsembleRanking(List<String> terms, RankEnsemble ensemble) implements Ranking {
    static EnsembleRanking of(Map<String, Double> weights) {
        // by name, so that sums do not depend on the map's order
        List<String> terms = weights.keySet().stream().sorted().toList();
        return new EnsembleRanking(
                terms, new RankEnsemble(terms.stream().map(weights::get).toList()));
    }

    @Override
    public boolean lowerIsBetter() {
        return false;
    }

    @Override
    public boolean dependsOnPool() {
        return true;
    }

    @Override
    public List<Candidate> rank(Collection<Candidate> pool) {
        List<Candidate> byIndex =
                pool.stream().sorted(Comparator.comparingInt(Candidate::index)).toList();
        RankEnsemble.Standing standing = ensemble.rank(scores(byIndex));
        List<Candidate> ranked = new ArrayList<>(byIndex.size());
        for (int place : standing.order()) {
            ranked.add(byIndex.get(place).withScore(standing.shareBeaten()[place]));
        }
        return ranked;
    }

    /** The mean z-score: of a single term, that term up to unit and zero. */
    @Override
    public double[] worth(List<Candidate> pool) {
        return ensemble.rank(scores(pool)).meanZ();
    }

    private double[][] scores(List<Candidate> pool) {
        double[][] scores = new double[terms.size()][];
        for (int member = 0; member < scores.length; member++) {
            String term = terms.get(member);
            scores[member] = pool.stream()
                    .mapToDouble(candidate -> candidate.terms().getOrDefault(term, Double.NaN))
                    .toArray();
        }
        return scores;
    }
}
