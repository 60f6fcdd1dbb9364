package dev.prenoise.server.jobs;

import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.Proposal;
import java.util.List;

/**
 * A share of a search's work: candidates that one evaluator takes at once. Their scores are the same on whichever sidecar they are computed.
 *
 * @param evaluator which of those that the search's strategy opens, in that order
 * @param batch how many that evaluator computes at once on the sidecar of the search: elsewhere it has to be as many, for the last bits to be
 *     the same
 */
public record Share(int evaluator, int batch, List<Proposal> proposals) {
    public Share {
        proposals = List.copyOf(proposals);
    }

    /** One for each candidate, in order. */
    List<Evaluation> on(Evaluator evaluator) {
        return evaluator.evaluateProposals(proposals, List.of());
    }
}
