package dev.prenoise.search;

/**
 * The constants of InitNO's noise optimisation (xiefan-guo/initno, {@code fn_initno}), under the names of its code where it has them.
 *
 * @param initnoLr Adam's learning rate; its betas are 0.9 and 0.999
 * @param adamEps added outside the square root; as large as this it makes Adam nearly momentum descent with rate lr / eps where gradients
 *     are small
 * @param maxStep loss evaluations for each start
 * @param maxRound starts; 0 for as many as the budget pays for (the published pool has 5, Choi et al. count by budget)
 * @param tauCrossAttn a start succeeds, and the whole search ends, below this cross term and ...
 * @param tauSelfAttn ... below this self term
 * @param klThreshold mean KL divergence to N(0, 1) that the projection loop brings the noise back under after each step
 * @param maxKlStep the loop's bound, after which mean and log variance are scaled back under the threshold at once. The published loop has no
 *     bound: about 2,400 steps for each step on the loss at 4x64x64 once the threshold is met for the first time, growing with the number
 *     of elements and the size of the gradient
 * @param literal the published behaviour: a start's result is its last iterate, which is never evaluated, under the score of the one
 *     before. Otherwise it is the best evaluated iterate, under its own score
 * @param retryMaxStep loss evaluations of one more run from the best start's unoptimised noise when {@code maxRound} starts have failed
 *     (published: 50); 0 for none. Charged like any other
 */
public record InitNoParameters(
        double initnoLr,
        double adamEps,
        int maxStep,
        int maxRound,
        double tauCrossAttn,
        double tauSelfAttn,
        double klThreshold,
        int maxKlStep,
        boolean literal,
        int retryMaxStep) {
    /** The published constants, results that were evaluated, starts for as long as the budget lasts. */
    public static final InitNoParameters DEFAULT =
            new InitNoParameters(1e-2, 1e-3, 10, 0, 0.2, 0.3, 1e-3, 20_000, false, 0);

    /** As the published code runs it: five starts of ten steps, then fifty more on the best of them. */
    public static final InitNoParameters PUBLISHED =
            new InitNoParameters(1e-2, 1e-3, 10, 5, 0.2, 0.3, 1e-3, 20_000, true, 50);

    /**
     * @throws IllegalArgumentException when a value is out of range; the message names it
     */
    public InitNoParameters {
        requirePositive("initno_lr", initnoLr);
        requirePositive("adam_eps", adamEps);
        requirePositive("kl_threshold", klThreshold);
        requireAtLeast("max_step", maxStep, 1);
        requireAtLeast("max_round", maxRound, 0);
        requireAtLeast("max_kl_step", maxKlStep, 0);
        requireAtLeast("retry_max_step", retryMaxStep, 0);
        if (retryMaxStep > 0 && maxRound == 0) {
            throw new IllegalArgumentException("max_round: 0 (expected: >= 1 where retry_max_step is set)");
        }
    }

    private static void requirePositive(String field, double value) {
        if (!(value > 0) || !Double.isFinite(value)) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: > 0)");
        }
    }

    private static void requireAtLeast(String field, int value, int least) {
        if (value < least) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: >= " + least + ")");
        }
    }
}
