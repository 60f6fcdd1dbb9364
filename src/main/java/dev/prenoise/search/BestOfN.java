package dev.prenoise.search;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * Draws noise 0, 1, 2, ..., scores each once, keeps the best: Choi et al.'s protocol over an attention loss, random search over a verifier.
 *
 * <p>Candidates are evaluated in batches as large as the evaluator takes, cut so that the budget is exactly kept and that no batch crosses
 * a checkpoint of the {@link PlateauRule}. So the candidates and the end depend on the budget and the scores alone. Wall time is looked at,
 * and cancellation asked, between batches; candidate 0 is scored however short the wall time. On resumption the wall time starts again.
 *
 * <p>The noise of a candidate is null where its recipe alone can replay it.
 */
public final class BestOfN implements SearchAlgorithm {
    private final PlateauRule plateau;
    private final LongSupplier nanoTime;

    public BestOfN() {
        this(PlateauRule.DEFAULT);
    }

    /** @param plateau asked where the budget says {@link Budget#stopOnPlateau()} */
    public BestOfN(PlateauRule plateau) {
        this(plateau, System::nanoTime);
    }

    BestOfN(PlateauRule plateau, LongSupplier nanoTime) {
        this.plateau = plateau;
        this.nanoTime = nanoTime;
    }

    @Override
    public String name() {
        return "best-of-n";
    }

    /**
     * @throws IllegalArgumentException when the budget has no limit that this evaluator's cost would meet
     */
    @Override
    public Outcome search(CandidateSource source, Evaluator evaluator, Budget budget, SearchObserver observer) {
        return run(new SearchRun(evaluator, budget, observer, nanoTime), source, 0, Integer.MAX_VALUE);
    }

    /** The picked draws, and no more. */
    StopReason goOn(SearchRun run, CandidateSource source, int picked) {
        return run(run, source, 1, 1 + picked).stopReason();
    }

    /** Candidates {@code first} to {@code end} of the source, the latter left out. */
    Outcome run(SearchRun run, CandidateSource source, int first, int end) {
        List<Candidate> drawn = new ArrayList<>();
        while (true) {
            int next = first + drawn.size();
            if (next == end || run.affordable(1) == 0) {
                return run.end(StopReason.BUDGET, source);
            }
            if (run.plateau(plateau, drawn)) {
                return run.end(StopReason.PLATEAU, source);
            }
            int count = end - next;
            if (run.stopsOnPlateau()) {
                count = Math.min(count, PlateauRule.nextCheckpoint(next) - next);
            }
            SearchRun.Scored scored = run.score(count, i -> Proposal.drawn(source, next + i));
            drawn.addAll(scored.candidates());
            if (scored.stop() != null) {
                return run.end(scored.stop(), source);
            }
        }
    }
}
