package dev.prenoise.study;

import dev.prenoise.search.InitNoParameters;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** InitNO's starts as a search with a budget takes them. */
final class Starts {
    /** Loss evaluations that a start takes at most. */
    static final int WHOLE = InitNoParameters.DEFAULT.maxStep();

    private Starts() {}

    /**
     * One after the other until one meets both thresholds; what is left for the last cuts it short.
     *
     * @param starts in their order
     * @param budget in loss evaluations
     * @return none where the budget pays for none
     */
    static List<UnitResult.Row> paid(List<UnitResult.Row> starts, int budget) {
        List<UnitResult.Row> run = new ArrayList<>();
        int left = budget;
        for (UnitResult.Row start : starts) {
            Optional<UnitResult.Row> taken = start.within(Math.min(left, WHOLE));
            taken.ifPresent(run::add);
            if (taken.isEmpty() || start.success() || start.losses() > left) {
                break;
            }
            left -= start.losses();
        }
        return run;
    }
}
