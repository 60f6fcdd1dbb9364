package dev.prenoise.search;

/**
 * Zero-order search's.
 *
 * @param neighbors of the pivot in each round: Ma et al.'s N, 2 for pictures from text
 * @param stepSize tangent of the angle between pivot and neighbour, {@code sqrt(1 / c^2 - 1)} for a cosine c
 * @param restartAfter rounds in a row without a better neighbour after which the pivot is drawn afresh; 0 for never
 */
public record ZeroOrderParameters(int neighbors, double stepSize, int restartAfter) {
    /** Two neighbours at a cosine of 0.95, no restarts. */
    public static final ZeroOrderParameters DEFAULT =
            new ZeroOrderParameters(2, StrictMath.sqrt(1 / (0.95 * 0.95) - 1), 0);

    /**
     * @throws IllegalArgumentException when a value is out of range; the message names it
     */
    public ZeroOrderParameters {
        if (neighbors < 1) {
            throw new IllegalArgumentException("neighbors: " + neighbors + " (expected: >= 1)");
        }
        if (!(stepSize > 0) || !Double.isFinite(stepSize)) {
            throw new IllegalArgumentException("step_size: " + stepSize + " (expected: > 0)");
        }
        if (restartAfter < 0) {
            throw new IllegalArgumentException("restart_after: " + restartAfter + " (expected: >= 0)");
        }
    }
}
