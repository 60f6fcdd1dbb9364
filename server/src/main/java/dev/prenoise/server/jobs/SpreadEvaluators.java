package dev.prenoise.server.jobs;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.PathEvaluator;
import java.util.function.BooleanSupplier;

/** Those of a session, with peers beside it. */
final class SpreadEvaluators implements SearchStrategy.Evaluators {
    private final SearchStrategy.Evaluators here;
    private final Shares shares;
    private final Peers.Help help;
    private final BooleanSupplier stopped;
    private int opened;

    SpreadEvaluators(SearchStrategy.Evaluators here, Shares shares, Peers.Help help, BooleanSupplier stopped) {
        this.here = here;
        this.shares = shares;
        this.help = help;
        this.stopped = stopped;
    }

    @Override
    public Evaluator attention(AttentionLoss ranking, AttentionLoss followed) {
        return spread(here.attention(ranking, followed));
    }

    @Override
    public PathEvaluator pictures(String field, VerifierStrategy strategy) {
        PathEvaluator pictures = here.pictures(field, strategy);
        return new SpreadPictures(pictures, spread(pictures));
    }

    private SpreadEvaluator spread(Evaluator evaluator) {
        return new SpreadEvaluator(evaluator, opened++, shares, help, stopped);
    }
}
