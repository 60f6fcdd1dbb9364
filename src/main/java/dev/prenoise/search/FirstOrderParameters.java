package dev.prenoise.search;

/**
 * First-order search's.
 *
 * @param stepSize tangent of the angle that the first step of a climb turns the noise by
 * @param halvings how often a climb may halve its step; the next time it ends
 */
public record FirstOrderParameters(double stepSize, int halvings) {
    /** Steps of about a tenth of the norm, down to a 32nd of that. */
    public static final FirstOrderParameters DEFAULT = new FirstOrderParameters(0.1, 5);

    /**
     * @throws IllegalArgumentException when a value is out of range; the message names it
     */
    public FirstOrderParameters {
        if (!(stepSize > 0) || !Double.isFinite(stepSize)) {
            throw new IllegalArgumentException("step_size: " + stepSize + " (expected: > 0)");
        }
        if (halvings < 0) {
            throw new IllegalArgumentException("halvings: " + halvings + " (expected: >= 0)");
        }
    }
}
