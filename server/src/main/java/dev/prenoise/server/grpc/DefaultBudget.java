package dev.prenoise.server.grpc;

import dev.prenoise.search.Budget;
import dev.prenoise.v1.AttentionRanking;

/** What a search may spend whose request sets no limit. {@code Accepted.budget} tells the caller. */
final class DefaultBudget {
    private static final int RANKED = 16;

    /** Five starts of ten steps, InitNO's published pool. */
    private static final int OPTIMIZED = 50;

    /** Published runs gain little after 50 to 100 candidates, so a plateau is found before this multiple. */
    private static final int PLATEAU_FACTOR = 8;

    private DefaultBudget() {}

    static Budget of(Budget asked, AttentionRanking ranking) {
        if (asked.lossEvaluations() != 0
                || asked.functionEvaluations() != 0
                || !asked.wallTime().isZero()) {
            return asked;
        }
        int evaluations = ranking.getOptimize() ? OPTIMIZED : RANKED;
        return new Budget(
                asked.stopOnPlateau() ? PLATEAU_FACTOR * evaluations : evaluations,
                0,
                asked.wallTime(),
                asked.stopOnPlateau());
    }
}
