package dev.prenoise.text;

/**
 * How a prompt is read.
 *
 * @param clipSkip as a user interface counts: 1 = the last layer, 2 = the one before; 0 = the family's own
 * @param steps of the sampler, at least 1: A1111's {@code [from:to:when]} depends on it
 */
public record PromptOptions(PromptSyntax syntax, int clipSkip, int steps) {
    /**
     * @throws IllegalArgumentException when a number is negative, or there are no steps
     */
    public PromptOptions {
        if (clipSkip < 0) {
            throw new IllegalArgumentException("clip_skip: " + clipSkip + " (expected: >= 0)");
        }
        if (steps < 1) {
            throw new IllegalArgumentException("steps: " + steps + " (expected: >= 1)");
        }
    }
}
