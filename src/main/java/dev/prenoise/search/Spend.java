package dev.prenoise.search;

/**
 * What an evaluation cost.
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
                lossEvaluations + other.lossEvaluations,
                functionEvaluations + other.functionEvaluations,
                denoiserCalls + other.denoiserCalls,
                batchRows + other.batchRows);
    }

    /** What one more noise adds to a batch that is computed anyway: its rows and evaluations, no denoiser call. */
    Spend withinBatch() {
        return new Spend(lossEvaluations, functionEvaluations, 0, batchRows);
    }

    Spend times(int evaluations) {
        return new Spend(
                lossEvaluations * evaluations,
                functionEvaluations * evaluations,
                denoiserCalls * evaluations,
                batchRows * evaluations);
    }
}
