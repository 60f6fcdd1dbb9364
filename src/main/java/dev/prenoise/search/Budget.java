package dev.prenoise.search;

import java.time.Duration;

/**
 * What a search may spend. It ends at the first limit it meets; zero means no such limit.
 *
 * @param lossEvaluations exactly kept: never one more
 * @param functionEvaluations NFEs, exactly kept
 * @param wallTime checked between evaluations
 * @param stopOnPlateau end when the expected gain of going on is not worth it
 */
public record Budget(int lossEvaluations, int functionEvaluations, Duration wallTime, boolean stopOnPlateau) {
    /**
     * @throws IllegalArgumentException when a limit is negative; the message names it
     */
    public Budget {
        if (lossEvaluations < 0) {
            throw new IllegalArgumentException("loss_evaluations: " + lossEvaluations + " (expected: >= 0)");
        }
        if (functionEvaluations < 0) {
            throw new IllegalArgumentException("function_evaluations: " + functionEvaluations + " (expected: >= 0)");
        }
        if (wallTime.isNegative()) {
            throw new IllegalArgumentException("wall_time: " + wallTime + " (expected: >= 0)");
        }
    }

    public static Budget ofLossEvaluations(int lossEvaluations) {
        return new Budget(lossEvaluations, 0, Duration.ZERO, false);
    }

    /** The same limits for candidates that do not come at random, which the {@link PlateauRule} needs. */
    Budget withoutPlateau() {
        return new Budget(lossEvaluations, functionEvaluations, wallTime, false);
    }

    /** The same limits but for loss evaluations. */
    Budget withLossEvaluations(int limit) {
        return new Budget(limit, functionEvaluations, wallTime, stopOnPlateau);
    }

    /** Whether {@code next} more still fits after {@code spent}. Wall time is not looked at. */
    public boolean allows(Spend spent, Spend next) {
        Spend sum = spent.plus(next);
        return keeps(lossEvaluations, sum.lossEvaluations()) && keeps(functionEvaluations, sum.functionEvaluations());
    }

    /** The largest sum stands for all that are larger still. */
    private static boolean keeps(int limit, int sum) {
        return limit == 0 || (sum <= limit && sum < Integer.MAX_VALUE);
    }
}
