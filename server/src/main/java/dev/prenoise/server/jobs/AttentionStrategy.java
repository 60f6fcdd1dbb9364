package dev.prenoise.server.jobs;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.LossForm;
import dev.prenoise.search.BestOfN;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.InitNoParameters;
import dev.prenoise.search.InitNoSearch;
import dev.prenoise.search.PlateauRule;
import dev.prenoise.search.SearchAlgorithm;
import dev.prenoise.search.TwoStageSearch;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Best of N by a loss on the backbone's own attention maps.
 *
 * @param loss a name that {@link AttentionLosses} knows
 * @param optimize whether noise is moved down the loss as InitNO does, instead of ranked as it is drawn
 * @param then the loss of a second stage, which decides; null = none
 */
public record AttentionStrategy(
        String loss,
        LossForm form,
        boolean optimize,
        @Nullable String then) {
    /** What a strategy is on an open session. */
    record Plan(SearchAlgorithm algorithm, Evaluator evaluator) {}

    Plan plan(Function<AttentionLoss, Evaluator> evaluators) {
        Evaluator first = evaluators.apply(AttentionLosses.of(loss, form));
        if (then == null) {
            return new Plan(optimize ? new InitNoSearch() : new BestOfN(), first);
        }
        Evaluator second = evaluators.apply(AttentionLosses.of(then, form));
        SearchAlgorithm algorithm = optimize
                ? TwoStageSearch.optimizing(first, InitNoParameters.DEFAULT, PlateauRule.DEFAULT)
                : TwoStageSearch.ranking(first, PlateauRule.DEFAULT);
        return new Plan(algorithm, second);
    }
}
