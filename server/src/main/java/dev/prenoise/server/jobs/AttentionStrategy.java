package dev.prenoise.server.jobs;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.InitNo;
import dev.prenoise.attention.LossForm;
import dev.prenoise.attention.SelfCross;
import dev.prenoise.search.BestOfN;
import dev.prenoise.search.Budget;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.InitNoParameters;
import dev.prenoise.search.InitNoSearch;
import dev.prenoise.search.PlateauRule;
import dev.prenoise.search.SearchAlgorithm;
import dev.prenoise.search.TwoStageSearch;
import dev.prenoise.server.store.VerifierChoice;
import java.util.List;
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
        @Nullable String then) implements SearchStrategy {
    private static final int RANKED = 16;

    /** Five starts of ten steps, InitNO's published pool. */
    private static final int OPTIMIZED = 50;

    /** Published runs gain little after 50 to 100 candidates, so a plateau is found before this multiple. */
    static final int PLATEAU_FACTOR = 8;

    @Override
    public boolean readsAttention() {
        return true;
    }

    @Override
    public boolean spreads() {
        return !optimize;
    }

    @Override
    public List<VerifierChoice> verifiers() {
        return List.of();
    }

    @Override
    public SearchStrategy judgedBy(List<VerifierChoice> verifiers) {
        return this;
    }

    @Override
    public Plan plan(Evaluators evaluators) {
        Evaluator first = evaluator(loss, evaluators);
        if (then == null) {
            return new Plan(optimize ? new InitNoSearch() : new BestOfN(), first);
        }
        SearchAlgorithm algorithm = optimize
                ? TwoStageSearch.optimizing(first, InitNoParameters.DEFAULT, PlateauRule.DEFAULT)
                : TwoStageSearch.ranking(first, PlateauRule.DEFAULT);
        return new Plan(algorithm, evaluator(then, evaluators));
    }

    /** InitNO follows its joint loss, gate and all, and ranks without the gate. The other losses are followed as they rank. */
    private Evaluator evaluator(String name, Evaluators evaluators) {
        AttentionLoss ranking = AttentionLosses.of(name, form);
        boolean joint = optimize && (ranking instanceof InitNo || ranking instanceof SelfCross);
        return evaluators.attention(ranking, joint ? AttentionLosses.optimization(name, form) : ranking);
    }

    @Override
    public Budget budget(AskedBudget asked, Plan plan) {
        if (asked.isLimited()) {
            return asked.limits();
        }
        int evaluations = optimize ? OPTIMIZED : RANKED;
        return asked.counted(asked.limits().stopOnPlateau() ? PLATEAU_FACTOR * evaluations : evaluations, 0);
    }
}
