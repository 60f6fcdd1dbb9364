package dev.prenoise.server.jobs;

import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.search.BestOfN;
import dev.prenoise.search.Budget;
import dev.prenoise.search.SearchAlgorithm;
import dev.prenoise.server.store.VerifierChoice;
import java.util.List;

/**
 * Search over denoised pictures by what verifiers say of them.
 *
 * @param verifiers at least one, names different
 * @param steps sampling steps of the pictures that are judged; 0 = as many as the host's picture has
 */
public record VerifierStrategy(Algorithm algorithm, List<VerifierChoice> verifiers, int steps)
        implements SearchStrategy {
    private static final int PICTURES = 16;

    /** How noise is proposed. */
    public enum Algorithm {
        RANDOM
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
        return new VerifierStrategy(algorithm, verifiers, steps);
    }

    @Override
    public Plan plan(Evaluators evaluators) {
        return new Plan(proposer(), evaluators.pictures("verifier", this));
    }

    private SearchAlgorithm proposer() {
        return switch (algorithm) {
            case RANDOM -> new BestOfN();
        };
    }

    /** How many of the last steps a gradient goes back through; 0 = all. */
    int gradientSteps() {
        return 0;
    }

    @Override
    public Budget budget(AskedBudget asked, Plan plan) {
        int each = plan.evaluator().cost().functionEvaluations();
        if (asked.pictures() != 0) {
            return asked.counted(0, Math.multiplyExact(asked.pictures(), each));
        }
        if (!asked.isLimited()) {
            int pictures = asked.limits().stopOnPlateau() ? AttentionStrategy.PLATEAU_FACTOR * PICTURES : PICTURES;
            return asked.counted(0, Math.multiplyExact(pictures, each));
        }
        int limit = asked.limits().functionEvaluations();
        if (limit != 0 && limit < each) {
            throw new InvalidFieldException(
                    "budget.function_evaluations", limit + " (expected: at least " + each + ", those of one picture)");
        }
        return asked.limits();
    }
}
