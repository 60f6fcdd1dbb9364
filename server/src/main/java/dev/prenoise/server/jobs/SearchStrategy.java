package dev.prenoise.server.jobs;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.search.Budget;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.PathEvaluator;
import dev.prenoise.search.SearchAlgorithm;
import dev.prenoise.server.store.VerifierChoice;
import java.util.List;

/** How a search goes about it, as asked for. Immutable. */
public sealed interface SearchStrategy permits AttentionStrategy, VerifierStrategy, CascadeStrategy {
    /** What a strategy is on an open session. */
    record Plan(SearchAlgorithm algorithm, Evaluator evaluator) {}

    /** Opens what a strategy scores noise with. */
    interface Evaluators {
        /** Ranks by the first loss and has the gradient of the second. */
        Evaluator attention(AttentionLoss ranking, AttentionLoss followed);

        /**
         * Has pictures judged.
         *
         * @param field of the request where the strategy stands, for messages
         */
        PathEvaluator pictures(String field, VerifierStrategy strategy);
    }

    /** Whether it reads attention, so that the prompt must have subjects. */
    boolean readsAttention();

    /** Whether it scores candidates that do not depend on each other, so that several sidecars can share them. Gradients are followed one by one. */
    boolean spreads();

    /** Who judges; none where no picture is judged. */
    List<VerifierChoice> verifiers();

    /** The same with those who judged when the search began. */
    SearchStrategy judgedBy(List<VerifierChoice> verifiers);

    /** Called once the model is open. */
    Plan plan(Evaluators evaluators);

    /**
     * What the search may spend: what was asked for, or else the strategy's default.
     *
     * @throws dev.prenoise.engine.InvalidFieldException when nothing can be done for what was asked
     */
    Budget budget(AskedBudget asked, Plan plan);
}
