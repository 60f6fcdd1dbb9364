package dev.prenoise.study;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.Budget;
import dev.prenoise.search.Candidate;
import dev.prenoise.search.CandidateSource;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.InitNoParameters;
import dev.prenoise.search.InitNoSearch;
import dev.prenoise.search.Outcome;
import dev.prenoise.search.SearchObserver;
import dev.prenoise.search.Spend;
import dev.prenoise.search.StopReason;

/**
 * One start of InitNO's by itself: a draw, and up to ten evaluations on it. A search takes one after the other until the budget is spent or one
 * succeeds; as they do not know of each other, what every order of them comes to can be told from each alone.
 *
 * @param noise the best that was evaluated, the draw itself among them
 * @param evaluations that it took
 * @param success whether both thresholds were met
 */
record SingleStart(SeededNoise noise, double score, int evaluations, boolean success) {
    /** The term by which a search marks a start that met both thresholds. */
    private static final String SUCCESS = "success";

    /**
     * @param draw index of the noise that it begins with
     */
    static SingleStart run(CandidateSource source, int draw, Evaluator loss) {
        Budget budget = Budget.ofLossEvaluations(InitNoParameters.DEFAULT.maxStep());
        From from = new From(source, draw);
        Outcome outcome = new InitNoSearch().search(from, loss, budget, new Silent());
        Candidate best = outcome.ranked().get(0);
        Noise noise = best.noise() == null ? from.draw(0) : best.noise();
        boolean plain = outcome.ranked().size() == 1 && outcome.stopReason() == StopReason.THRESHOLD;
        boolean success = plain
                || outcome.ranked().stream()
                        .anyMatch(candidate -> candidate.terms().containsKey(SUCCESS));
        return new SingleStart(
                new SeededNoise(noise, best.recipe().seed()),
                best.score(),
                outcome.spent().lossEvaluations(),
                success);
    }

    /** The same draws, counted from another. */
    private record From(CandidateSource source, int first) implements CandidateSource {
        @Override
        public NoiseRecipe recipe(int index) {
            return source.recipe(first + index);
        }

        @Override
        public Noise draw(int index) {
            return source.draw(first + index);
        }

        @Override
        public long deriveSeed(int round, int index) {
            return source.deriveSeed(round, first + index);
        }
    }

    private record Silent() implements SearchObserver {
        @Override
        public void scored(Candidate candidate, boolean bestSoFar, Spend spent) {}

        @Override
        public boolean stopRequested() {
            return false;
        }
    }
}
