package dev.prenoise.server.jobs;

import dev.prenoise.search.Budget;

/**
 * A budget as asked for.
 *
 * @param limits may have none
 * @param pictures in place of function evaluations: as many as drawing so many pictures takes; 0 = not given
 */
public record AskedBudget(Budget limits, int pictures) {
    /** Whether anything ends the search. */
    boolean isLimited() {
        return pictures != 0
                || limits.lossEvaluations() != 0
                || limits.functionEvaluations() != 0
                || !limits.wallTime().isZero();
    }

    /** The limits with others on what is counted. */
    Budget counted(int lossEvaluations, int functionEvaluations) {
        return new Budget(lossEvaluations, functionEvaluations, limits.wallTime(), limits.stopOnPlateau());
    }
}
