package dev.prenoise.search;

/**
 * Those of search over paths, Ma et al.'s. Levels are in flow time: share of noise, 1 = noise alone.
 *
 * @param initialPaths N: where each pass starts, and how many survive each round
 * @param width M: noises tried on each path in each round
 * @param startSigma the level that the paths are first walked down to
 * @param backwardStep delta_b: how far each round walks down
 * @param forwardStep delta_f: how far each round first rises by fresh noise; less than {@code backwardStep}
 */
public record PathsParameters(int initialPaths, int width, double startSigma, double backwardStep, double forwardStep) {
    /** "Paths-2": N = M = 2, four rounds. */
    public static final PathsParameters DEFAULT = new PathsParameters(2, 2, 0.11, 0.81, 0.78);

    /**
     * @throws IllegalArgumentException when a value is out of range; the message names it
     */
    public PathsParameters {
        if (initialPaths < 1) {
            throw new IllegalArgumentException("initial_paths: " + initialPaths + " (expected: >= 1)");
        }
        if (width < 2) {
            throw new IllegalArgumentException("width: " + width + " (expected: >= 2, or there is nothing to choose)");
        }
        requireShare("start_sigma", startSigma);
        requireShare("backward_step", backwardStep);
        requireShare("forward_step", forwardStep);
        if (forwardStep >= backwardStep) {
            throw new IllegalArgumentException("forward_step: " + forwardStep + " (expected: less than backward_step, "
                    + backwardStep + ", or no path ends)");
        }
    }

    private static void requireShare(String field, double value) {
        if (!(value > 0 && value < 1)) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: between 0 and 1)");
        }
    }
}
