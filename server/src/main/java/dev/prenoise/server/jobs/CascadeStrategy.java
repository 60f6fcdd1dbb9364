package dev.prenoise.server.jobs;

import dev.prenoise.search.Budget;
import dev.prenoise.search.CascadeSearch;
import dev.prenoise.server.jobs.VerifierStrategy.Algorithm;
import dev.prenoise.server.store.VerifierChoice;
import java.util.List;

/**
 * Many noises are ranked by an attention loss; the verifiers' search goes on from the best of them.
 *
 * @param screen one loss, noise as it is drawn
 * @param keep how many of the screened noises go on, at least 1
 */
public record CascadeStrategy(AttentionStrategy screen, int keep, VerifierStrategy verify) implements SearchStrategy {
    private static final int SCREENED = 64;

    @Override
    public boolean readsAttention() {
        return true;
    }

    @Override
    public boolean spreads() {
        return true;
    }

    @Override
    public List<VerifierChoice> verifiers() {
        return verify.verifiers();
    }

    @Override
    public CascadeStrategy judgedBy(List<VerifierChoice> verifiers) {
        return new CascadeStrategy(screen, keep, verify.judgedBy(verifiers));
    }

    @Override
    public Plan plan(Evaluators evaluators) {
        Plan judged = verify.plan("cascade.verify", evaluators);
        return new Plan(
                new CascadeSearch(screen.plan(evaluators).evaluator(), keep, judged.algorithm()), judged.evaluator());
    }

    /** A loss evaluation is a function evaluation too, so the pictures' come on top of the screening's. */
    @Override
    public Budget budget(AskedBudget asked, Plan plan) {
        int each = VerifierStrategy.pictureCost(plan);
        VerifierStrategy.requireOnePicture(asked, each);
        boolean plateau = asked.limits().stopOnPlateau();
        int losses = asked.limits().lossEvaluations();
        if (losses == 0) {
            losses = plateau ? AttentionStrategy.PLATEAU_FACTOR * SCREENED : SCREENED;
        }
        int functions = asked.limits().functionEvaluations();
        boolean timed = !asked.limits().wallTime().isZero();
        if (asked.pictures() != 0 || functions == 0 && !timed) {
            int pictures = asked.pictures() != 0 ? asked.pictures() : pictures(asked);
            functions = Math.addExact(losses, Math.multiplyExact(pictures, each));
        }
        return asked.counted(losses, functions);
    }

    /** Random search draws the host's noise and those that were kept; the others go on from there. */
    private int pictures(AskedBudget asked) {
        int drawn = keep + 1;
        return verify.algorithm() == Algorithm.RANDOM ? drawn : Math.max(drawn, VerifierStrategy.pictures(asked));
    }
}
