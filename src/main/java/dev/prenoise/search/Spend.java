package dev.prenoise.search;

/**
 * What an evaluation cost. Sums and products that no int holds are {@link Integer#MAX_VALUE}, which no budget pays for.
 *
 * @param lossEvaluations attention losses computed (the budget unit of Choi et al.)
 * @param functionEvaluations denoiser calls as Ma et al. count them (NFE)
 * @param denoiserCalls network calls actually made; a batch is one
 * @param batchRows rows over all those calls
 */
public record Spend(int lossEvaluations, int functionEvaluations, int denoiserCalls, int batchRows) {
    public static final Spend NONE = new Spend(0, 0, 0, 0);

    public Spend plus(Spend other) {
        return new Spend(
                saturated((long) lossEvaluations + other.lossEvaluations),
                saturated((long) functionEvaluations + other.functionEvaluations),
                saturated((long) denoiserCalls + other.denoiserCalls),
                saturated((long) batchRows + other.batchRows));
    }

    /** What one more noise adds to a batch that is computed anyway: its rows and evaluations, no denoiser call. */
    Spend withinBatch() {
        return new Spend(lossEvaluations, functionEvaluations, 0, batchRows);
    }

    Spend times(long evaluations) {
        // a longer factor changes no product, and this one cannot overflow a long
        long factor = saturated(evaluations);
        return new Spend(
                saturated(lossEvaluations * factor),
                saturated(functionEvaluations * factor),
                saturated(denoiserCalls * factor),
                saturated(batchRows * factor));
    }

    private static int saturated(long value) {
        return (int) Math.min(value, Integer.MAX_VALUE);
    }
}
