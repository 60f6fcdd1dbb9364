package dev.prenoise.server.cli;

import dev.prenoise.v1.Accepted;
import dev.prenoise.v1.Candidate;
import dev.prenoise.v1.NoiseRecipe;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.Summary;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/**
 * A finished search as its client saw it.
 *
 * @param ranked every scored candidate, best first
 */
record SearchResult(OptimizeNoiseRequest request, Accepted accepted, List<Candidate> ranked, Summary summary) {
    /**
     * The service's own order first; behind it the candidates that it streamed and did not return, by score, then index.
     *
     * @throws CliException when the summary is empty
     */
    static SearchResult of(
            OptimizeNoiseRequest request, Accepted accepted, Collection<Candidate> streamed, Summary summary) {
        if (summary.getBestCount() == 0) {
            throw new CliException("the service returned no candidate");
        }
        List<Candidate> ranked = new ArrayList<>(summary.getBestList());
        streamed.stream()
                .filter(candidate -> ranked.stream().noneMatch(returned -> returned.getIndex() == candidate.getIndex()))
                .sorted(bestFirst())
                .map(candidate ->
                        candidate.getIndex() == 0 && summary.hasBaseline() ? summary.getBaseline() : candidate)
                .toList()
                .forEach(ranked::add);
        return new SearchResult(request, accepted, List.copyOf(ranked), summary);
    }

    static Comparator<Candidate> bestFirst() {
        return Comparator.<Candidate>comparingDouble(
                        candidate -> candidate.getScoreIsLoss() ? candidate.getScore() : -candidate.getScore())
                .thenComparingInt(Candidate::getIndex);
    }

    Candidate winner() {
        return ranked.get(0);
    }

    /** Candidate 0: the noise that the host would have used. */
    Candidate baseline() {
        return summary.hasBaseline() ? summary.getBaseline() : winner();
    }

    /** 1 is the best. */
    int rankOf(Candidate candidate) {
        for (int i = 0; i < ranked.size(); i++) {
            if (ranked.get(i).getIndex() == candidate.getIndex()) {
                return i + 1;
            }
        }
        return ranked.size() + 1;
    }

    /** Whether the score tells any two candidates apart; true where there is one only. */
    boolean tellsApart() {
        return ranked.size() == 1
                || ranked.stream().mapToDouble(Candidate::getScore).distinct().count() > 1;
    }

    /** Whether a host makes this noise from the seed alone. */
    static boolean isPlainSeed(NoiseRecipe recipe) {
        return recipe.getStepsCount() == 0 && recipe.getBaseSha256().isEmpty();
    }

    /** Such as "seed 7", or "seed 7, optimised". */
    static String nameOf(NoiseRecipe recipe) {
        String seed = "seed " + Long.toUnsignedString(recipe.getSeed());
        return isPlainSeed(recipe) ? seed : seed + ", optimised";
    }
}
