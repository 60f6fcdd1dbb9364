package dev.prenoise.noise;

/** A recipe that numbers alone cannot replay: gradient steps are in it. The noise itself travels with the candidate. */
public final class NotReplayableException extends RuntimeException {
    private static final long serialVersionUID = 1;

    NotReplayableException(int step, NoiseStep.Optimization optimization) {
        super("steps[" + step + "].optimization: " + optimization.algorithm()
                + " (expected: steps that replay from seeds; the noise of this recipe travels with its candidate)");
    }
}
