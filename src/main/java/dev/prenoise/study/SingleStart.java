package dev.prenoise.study;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.Budget;
import dev.prenoise.search.Candidate;
import dev.prenoise.search.CandidateSource;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.InitNoSearch;
import dev.prenoise.search.Outcome;
import dev.prenoise.search.SearchObserver;
import dev.prenoise.search.Spend;
import dev.prenoise.search.StopReason;
import java.util.ArrayList;
import java.util.List;

/**
 * One start of InitNO's by itself: a draw, and up to ten evaluations on it. A search takes one after the other until the budget is spent or one
 * succeeds; as they do not know of each other, what every order of them comes to can be told from each alone.
 *
 * @param iterates that were evaluated, in their order; the first is the draw itself
 * @param success whether the last one met both thresholds
 */
record SingleStart(List<Iterate> iterates, boolean success) {
    /** The term by which a search marks a start that met both thresholds. */
    private static final String SUCCESS = "success";

    /**
     * @param score that ranks
     */
    record Iterate(SeededNoise noise, double score) {}

    SingleStart {
        iterates = List.copyOf(iterates);
    }

    /**
     * @param draw index of the noise that it begins with
     */
    static SingleStart run(CandidateSource source, int draw, Evaluator loss) {
        Budget budget = Budget.ofLossEvaluations(Starts.WHOLE);
        Watched watched = new Watched(loss, new ArrayList<>());
        Outcome outcome = new InitNoSearch().search(new From(source, draw), watched, budget, new Silent());
        boolean plain = outcome.ranked().size() == 1 && outcome.stopReason() == StopReason.THRESHOLD;
        boolean success = plain
                || outcome.ranked().stream()
                        .anyMatch(candidate -> candidate.terms().containsKey(SUCCESS));
        return new SingleStart(watched.iterates(), success);
    }

    int evaluations() {
        return iterates.size();
    }

    /** The best that was evaluated. */
    Iterate best() {
        return best(iterates.size());
    }

    /** The best of the first, the earlier one of equals; what could not be scored comes last. */
    Iterate best(int first) {
        return iterates.stream()
                .limit(first)
                .reduce((best, next) ->
                        next.score() < best.score() || Double.isNaN(best.score()) && !Double.isNaN(next.score())
                                ? next
                                : best)
                .orElseThrow();
    }

    /** Keeps what is evaluated. */
    private record Watched(Evaluator loss, List<Iterate> iterates) implements Evaluator {
        @Override
        public int maxBatch() {
            return loss.maxBatch();
        }

        @Override
        public boolean lowerIsBetter() {
            return loss.lowerIsBetter();
        }

        @Override
        public boolean differentiable() {
            return loss.differentiable();
        }

        @Override
        public Spend cost() {
            return loss.cost();
        }

        @Override
        public Spend gradientCost() {
            return loss.gradientCost();
        }

        @Override
        public List<Evaluation> evaluate(List<Noise> noises) {
            return loss.evaluate(noises);
        }

        @Override
        public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
            return loss.evaluateWithGradient(noises);
        }

        @Override
        public List<Evaluation> evaluateSeededWithGradient(List<SeededNoise> noises) {
            List<Evaluation> evaluations = loss.evaluateSeededWithGradient(noises);
            for (int i = 0; i < noises.size(); i++) {
                iterates.add(new Iterate(noises.get(i), evaluations.get(i).score()));
            }
            return evaluations;
        }
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
