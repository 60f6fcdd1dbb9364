package dev.prenoise.server.jobs;

import dev.prenoise.search.Budget;
import dev.prenoise.search.Spend;
import dev.prenoise.server.store.Acceptance;
import java.time.Duration;

/**
 * How far a search is.
 *
 * @param spent by the search itself; its budget is kept by this
 * @param illustrationCalls denoiser calls spent on previews and heat maps, outside the budget
 * @param elapsed over all runs of the search
 * @param fraction of the budget that is used up, 0 to 1
 * @param bestScore NaN before the first candidate
 * @param stage what is being done now
 */
public record Progress(
        Spend spent, int illustrationCalls, Duration elapsed, double fraction, double bestScore, String stage) {
    /**
     * The share of the limit that is nearest to being used up. The losses of a search whose pictures are judged are its screening's, a stage:
     * they count where nothing else does.
     */
    public static double fraction(Acceptance accepted, Spend spent, Duration elapsed) {
        Budget budget = accepted.budget();
        boolean stage = !accepted.verifiers().isEmpty() && budget.functionEvaluations() != 0;
        double losses = stage ? 0 : share(spent.lossEvaluations(), budget.lossEvaluations());
        double functions = share(spent.functionEvaluations(), budget.functionEvaluations());
        double time = share(elapsed.toMillis(), budget.wallTime().toMillis());
        return Math.min(1, Math.max(losses, Math.max(functions, time)));
    }

    private static double share(long used, long limit) {
        return limit == 0 ? 0 : (double) used / limit;
    }
}
