package dev.prenoise.server.grpc;

import dev.prenoise.search.Budget;
import dev.prenoise.v1.AttentionRanking;

/** What a search may spend whose request sets no limit. {@code Accepted.budget} tells the caller. */
final class DefaultBudget {
    private static final int CANDIDATES = 16;

    /** What InitNO spends on one candidate. */
    private static final int OPTIMIZATION_EVALUATIONS = 10;

    /** Published runs gain little after 50 to 100 evaluations, so a plateau is found before this. */
    private static final int PLATEAU_CANDIDATES = 128;

    private DefaultBudget() {}

    static Budget of(Budget asked, AttentionRanking ranking) {
        if (asked.lossEvaluations() != 0
                || asked.functionEvaluations() != 0
                || !asked.wallTime().isZero()) {
            return asked;
        }
        int candidates = asked.stopOnPlateau() ? PLATEAU_CANDIDATES : CANDIDATES;
        return new Budget(
                ranking.getOptimize() ? candidates * OPTIMIZATION_EVALUATIONS : candidates,
                0,
                asked.wallTime(),
                asked.stopOnPlateau());
    }
}
