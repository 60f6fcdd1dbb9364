package dev.prenoise.search;

import java.util.List;
import java.util.function.LongSupplier;

/**
 * Zero-order search, then search over paths from what it found: Deng's "both". Candidate 0 first; of what is left after it, or after draws that
 * another stage has picked, half of each counted limit and of the wall time goes to {@link ZeroOrderSearch}, the rest to
 * {@link PathsSearch}, whose passes start from the best candidate so far, then from the next best ones, then from fresh draws. Where half pays
 * for no pass at all, zero-order search has everything.
 *
 * <p>{@link Budget#stopOnPlateau} ends each stage by its own rule. Recorded and computed again is what the stages record and compute again.
 * Where wall time ended zero-order search, a resumed search goes over to paths at the same candidate; if no pass had left one yet, its own clock
 * decides.
 */
public final class ZeroOrderThenPathsSearch implements SearchAlgorithm {
    private final ZeroOrderSearch zeroOrder;
    private final PathsSearch paths;
    private final LongSupplier nanoTime;

    public ZeroOrderThenPathsSearch() {
        this(ZeroOrderParameters.DEFAULT, PathsParameters.DEFAULT);
    }

    public ZeroOrderThenPathsSearch(ZeroOrderParameters zeroOrder, PathsParameters paths) {
        this(zeroOrder, paths, PlateauRule.DEFAULT);
    }

    /** @param plateau asked where the budget says {@link Budget#stopOnPlateau()} */
    public ZeroOrderThenPathsSearch(ZeroOrderParameters zeroOrder, PathsParameters paths, PlateauRule plateau) {
        this(zeroOrder, paths, plateau, System::nanoTime);
    }

    ZeroOrderThenPathsSearch(
            ZeroOrderParameters zeroOrder, PathsParameters paths, PlateauRule plateau, LongSupplier nanoTime) {
        this.zeroOrder = new ZeroOrderSearch(zeroOrder, plateau, nanoTime);
        this.paths = new PathsSearch(paths, plateau, nanoTime);
        this.nanoTime = nanoTime;
    }

    @Override
    public String name() {
        return "zero-order-then-paths";
    }

    /**
     * @throws IllegalArgumentException as {@link PathsSearch#search}
     */
    @Override
    public Outcome search(CandidateSource source, Evaluator evaluator, Budget budget, SearchObserver observer) {
        SearchRun run = new SearchRun(evaluator, budget, observer, nanoTime);
        paths.plan(evaluator);
        StopReason stop = run.scoreHost(source);
        return run.end(stop != null ? stop : goOn(run, source, 0), source);
    }

    StopReason goOn(SearchRun run, CandidateSource source, int picked) {
        run.reserveHalf(PathsSearch::made);
        if (!paths.fits(run)) {
            run.release();
            return zeroOrder.goOn(run, source, picked);
        }
        StopReason stop = zeroOrder.goOn(run, source, picked);
        run.release();
        if (stop == StopReason.CANCELLED) {
            return stop;
        }
        List<Candidate> found = run.ranked().stream()
                .filter(candidate -> Double.isFinite(candidate.score()))
                .toList();
        return paths.goOn(run, source, found);
    }
}
