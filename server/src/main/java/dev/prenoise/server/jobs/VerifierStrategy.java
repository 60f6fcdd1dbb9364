package dev.prenoise.server.jobs;

import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.search.BestOfN;
import dev.prenoise.search.Budget;
import dev.prenoise.search.FirstOrderParameters;
import dev.prenoise.search.FirstOrderSearch;
import dev.prenoise.search.PathEvaluator;
import dev.prenoise.search.PathsParameters;
import dev.prenoise.search.PathsSearch;
import dev.prenoise.search.SearchAlgorithm;
import dev.prenoise.search.ZeroOrderParameters;
import dev.prenoise.search.ZeroOrderSearch;
import dev.prenoise.search.ZeroOrderThenPathsSearch;
import dev.prenoise.server.store.VerifierChoice;
import java.util.List;

/**
 * Search over denoised pictures by what verifiers say of them.
 *
 * @param verifiers at least one, names different
 * @param steps sampling steps of the pictures that are judged; 0 = as many as the host's picture has
 * @param gradientSteps first-order search goes back through so many of the last steps; 0 = all
 */
public record VerifierStrategy(
        Algorithm algorithm,
        List<VerifierChoice> verifiers,
        int steps,
        ZeroOrderParameters zeroOrder,
        PathsParameters paths,
        FirstOrderParameters firstOrder,
        int gradientSteps)
        implements SearchStrategy {
    private static final int PICTURES = 16;

    /** A path goes down at least twice and up once. */
    private static final int LEAST_STEPS_OF_PATHS = 3;

    /** How noise is proposed. */
    public enum Algorithm {
        RANDOM,
        ZERO_ORDER,
        PATHS,
        ZERO_ORDER_THEN_PATHS,
        FIRST_ORDER
    }

    public VerifierStrategy {
        verifiers = List.copyOf(verifiers);
    }

    @Override
    public boolean readsAttention() {
        return false;
    }

    @Override
    public VerifierStrategy judgedBy(List<VerifierChoice> verifiers) {
        return new VerifierStrategy(algorithm, verifiers, steps, zeroOrder, paths, firstOrder, gradientSteps);
    }

    @Override
    public boolean spreads() {
        return algorithm != Algorithm.FIRST_ORDER;
    }

    /** Whether pictures are judged that are not drawn to their end. */
    boolean looksOnTheWay() {
        return algorithm == Algorithm.PATHS || algorithm == Algorithm.ZERO_ORDER_THEN_PATHS;
    }

    @Override
    public Plan plan(Evaluators evaluators) {
        return plan("verifier", evaluators);
    }

    /**
     * @param field of the request where the strategy stands
     */
    Plan plan(String field, Evaluators evaluators) {
        PathEvaluator evaluator = evaluators.pictures(field, this);
        int drawn = evaluator.levels().size() - 1;
        if (looksOnTheWay() && drawn < LEAST_STEPS_OF_PATHS) {
            throw new InvalidFieldException(
                    steps == 0 ? "sampling.steps" : field + ".steps",
                    drawn + " (expected: at least " + LEAST_STEPS_OF_PATHS + " for a search over paths)");
        }
        return new Plan(proposer(), evaluator);
    }

    private SearchAlgorithm proposer() {
        return switch (algorithm) {
            case RANDOM -> new BestOfN();
            case ZERO_ORDER -> new ZeroOrderSearch(zeroOrder);
            case PATHS -> new PathsSearch(paths);
            case ZERO_ORDER_THEN_PATHS -> new ZeroOrderThenPathsSearch(zeroOrder, paths);
            case FIRST_ORDER -> new FirstOrderSearch(firstOrder);
        };
    }

    @Override
    public Budget budget(AskedBudget asked, Plan plan) {
        int each = pictureCost(plan);
        if (asked.pictures() != 0) {
            return asked.counted(0, Math.multiplyExact(asked.pictures(), each));
        }
        if (!asked.isLimited()) {
            return asked.counted(0, Math.multiplyExact(pictures(asked), each));
        }
        requireOnePicture(asked, each);
        return asked.limits();
    }

    /** Function evaluations. */
    static int pictureCost(Plan plan) {
        return plan.evaluator().cost().functionEvaluations();
    }

    /** How many pictures' worth is spent where nothing is said. */
    static int pictures(AskedBudget asked) {
        return asked.limits().stopOnPlateau() ? AttentionStrategy.PLATEAU_FACTOR * PICTURES : PICTURES;
    }

    /**
     * @param each what a picture costs
     * @throws InvalidFieldException when the limit on function evaluations pays for none
     */
    static void requireOnePicture(AskedBudget asked, int each) {
        int limit = asked.limits().functionEvaluations();
        if (limit != 0 && limit < each) {
            throw new InvalidFieldException(
                    "budget.function_evaluations", limit + " (expected: at least " + each + ", those of one picture)");
        }
    }
}
