package dev.prenoise.server.jobs;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.LossForm;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.SearchAlgorithm;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Best of N by a loss on the backbone's own attention maps.
 *
 * @param loss a name that {@link AttentionLosses} knows
 * @param optimize whether each candidate is first moved down that loss as InitNO does
 * @param then the loss of a second stage; null = none
 */
public record AttentionStrategy(
        String loss,
        LossForm form,
        boolean optimize,
        @Nullable String then) {
    AttentionLoss rankingLoss() {
        return AttentionLosses.of(loss, form);
    }

    SearchAlgorithm algorithm(Function<AttentionLoss, Evaluator> evaluators) {
        return new StandIn();
    }
}
