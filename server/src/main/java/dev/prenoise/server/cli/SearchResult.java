package dev.prenoise.server.cli;

import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.search.Ranking;
import dev.prenoise.search.Spend;
import dev.prenoise.v1.Accepted;
import dev.prenoise.v1.Candidate;
import dev.prenoise.v1.NoiseStep;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.Summary;
import dev.prenoise.v1.Verifier;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

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
        List<Candidate> standing = accepted.getVerifiersCount() > 1 ? amongAll(accepted, ranked) : ranked;
        return new SearchResult(request, accepted, List.copyOf(standing), summary);
    }

    /** What several verifiers' score is depends on who else is there; streamed, it was that of the moment. */
    private static List<Candidate> amongAll(Accepted accepted, List<Candidate> candidates) {
        Map<Integer, Candidate> byIndex =
                candidates.stream().collect(Collectors.toMap(Candidate::getIndex, candidate -> candidate));
        Map<String, Double> weights =
                accepted.getVerifiersList().stream().collect(Collectors.toMap(Verifier::getName, Verifier::getWeight));
        return Ranking.ensemble(weights)
                .rank(candidates.stream().map(SearchResult::judged).toList())
                .stream()
                .map(ranked -> Objects.requireNonNull(byIndex.get(ranked.index())).toBuilder()
                        .setScore(ranked.score())
                        .build())
                .toList();
    }

    /** As far as ranking reads it. */
    private static dev.prenoise.search.Candidate judged(Candidate candidate) {
        return new dev.prenoise.search.Candidate(
                candidate.getIndex(),
                NoiseRecipe.of(
                        candidate.getRecipe().getSeed(),
                        NoiseSource.TORCH_CPU,
                        candidate.getRecipe().getShapeList()),
                null,
                candidate.getScore(),
                candidate.getTermsMap(),
                Spend.NONE);
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
        return ranked.stream()
                .filter(candidate -> candidate.getIndex() == 0)
                .findFirst()
                .orElseGet(() -> summary.hasBaseline() ? summary.getBaseline() : winner());
    }

    /** Whether verifiers judged. */
    boolean byPictures() {
        return !request.hasAttention();
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
    static boolean isPlainSeed(dev.prenoise.v1.NoiseRecipe recipe) {
        return recipe.getStepsCount() == 0 && recipe.getBaseSha256().isEmpty();
    }

    /** Such as "seed 7", "seed 7, turned" by zero-order search, or "seed 7, optimised". */
    static String nameOf(dev.prenoise.v1.NoiseRecipe recipe) {
        String seed = "seed " + Long.toUnsignedString(recipe.getSeed());
        if (isPlainSeed(recipe)) {
            return seed;
        }
        boolean turned =
                recipe.getStepsCount() > 0 && recipe.getStepsList().stream().allMatch(NoiseStep::hasPerturbation);
        return seed + (turned ? ", turned" : ", optimised");
    }
}
