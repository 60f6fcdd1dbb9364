package dev.prenoise.search;

import java.util.function.LongSupplier;

/**
 * Many noises are ranked by something cheap, an attention loss, and another search chooses among the best few by what is dear, pictures and
 * verifiers. The evaluator given to {@link #search} is the dear one, which alone decides; an instance holds the cheap one, so it serves one
 * search at a time.
 *
 * <ol>
 *   <li>Candidate 0, the host's noise, is scored by the dear evaluator before anything else.
 *   <li>Screening: draws 1, 2, ... are scored once each by the cheap one ({@link BestOfN}), as many as the budget has loss evaluations,
 *       {@value #SCREENED} where it has no limit on them. Screening counts against function evaluations too, as far as the cheap evaluator
 *       makes any; those that the picked ones' own pictures need are kept back.
 *   <li>The inner search goes on from the best {@code keep}, in their order, draws that were not screened after them. Random search scores
 *       each of them once and ends. Zero-order search scores each and begins at the best of all; restarts go to the next best. Search over
 *       paths starts its passes from them, first-order search its climbs.
 * </ol>
 *
 * Fewer than {@code keep} go on where function evaluations are scarce: there are at least two screened for each, if the loss evaluations allow
 * it. Where wall time limits the search, screening has half of it. {@link Budget#stopOnPlateau} can end the screening, and the inner search by
 * its own rule; random search over picked draws has none, as they do not come at random.
 *
 * <p>Only what the dear evaluator scored is a candidate; the screening is progress. It is not recorded either, so a search that is resumed
 * computes it again, to the same result, and counts it once.
 */
public final class CascadeSearch implements SearchAlgorithm {
    /** Draws that are screened where nothing limits them. */
    static final int SCREENED = 64;

    private final Evaluator screen;
    private final int keep;
    private final SearchAlgorithm inner;
    private final Stage stage;
    private final PlateauRule plateau;
    private final LongSupplier nanoTime;

    /**
     * @param screen cheap
     * @param keep how many draws the inner search goes on from
     * @param inner one of {@link BestOfN}, {@link ZeroOrderSearch}, {@link PathsSearch}, {@link ZeroOrderThenPathsSearch} and
     *     {@link FirstOrderSearch}
     * @throws IllegalArgumentException when the inner search is another, or nothing would be kept
     */
    public CascadeSearch(Evaluator screen, int keep, SearchAlgorithm inner) {
        this(screen, keep, inner, PlateauRule.DEFAULT);
    }

    /** @param plateau of the screening, asked where the budget says {@link Budget#stopOnPlateau()} */
    public CascadeSearch(Evaluator screen, int keep, SearchAlgorithm inner, PlateauRule plateau) {
        this(screen, keep, inner, plateau, System::nanoTime);
    }

    CascadeSearch(Evaluator screen, int keep, SearchAlgorithm inner, PlateauRule plateau, LongSupplier nanoTime) {
        if (keep < 1) {
            throw new IllegalArgumentException("keep: " + keep + " (expected: >= 1)");
        }
        this.screen = screen;
        this.keep = keep;
        this.inner = inner;
        this.stage = stage(inner);
        this.plateau = plateau;
        this.nanoTime = nanoTime;
    }

    private static Stage stage(SearchAlgorithm inner) {
        if (inner instanceof BestOfN random) {
            return random::goOn;
        }
        if (inner instanceof ZeroOrderSearch zeroOrder) {
            return zeroOrder::goOn;
        }
        if (inner instanceof PathsSearch paths) {
            return paths::goOn;
        }
        if (inner instanceof ZeroOrderThenPathsSearch both) {
            return both::goOn;
        }
        if (inner instanceof FirstOrderSearch firstOrder) {
            return firstOrder::goOn;
        }
        throw new IllegalArgumentException("inner: " + inner.name()
                + " (expected: best-of-n, zero-order, paths, zero-order-then-paths or first-order)");
    }

    @Override
    public String name() {
        return "cascade-" + inner.name();
    }

    /**
     * @param evaluator dear
     * @throws IllegalArgumentException as the inner search, and as {@link BestOfN} of the cheap evaluator
     */
    @Override
    public Outcome search(CandidateSource source, Evaluator evaluator, Budget budget, SearchObserver observer) {
        long started = nanoTime.getAsLong();
        Budget chosenBy = inner instanceof BestOfN ? budget.withoutPlateau() : budget;
        SearchRun run = new SearchRun(evaluator, evaluator.cost(), chosenBy, observer, nanoTime, started, Spend.NONE);
        StopReason stop = run.scoreHost(source);
        if (stop != null) {
            return run.end(stop, source);
        }
        SearchRun screening = new SearchRun(
                screen,
                screen.cost(),
                budget.lossEvaluations() > 0 ? budget : budget.withLossEvaluations(SCREENED),
                new Screening(observer, "screening"),
                nanoTime,
                started,
                run.spent());
        int kept = keepBack(run, screening);
        Outcome picked = new BestOfN(plateau, nanoTime).run(screening, new FreshDraws(source), 0, Integer.MAX_VALUE);
        run.resumeAfter(screening);
        if (picked.stopReason() == StopReason.CANCELLED) {
            return run.end(StopReason.CANCELLED, source);
        }
        StopReason end = stage.goOn(run, PickedDraws.drawn(source, picked, kept), kept);
        boolean cutShort =
                inner instanceof BestOfN && picked.stopReason() == StopReason.PLATEAU && end == StopReason.BUDGET;
        return run.end(cutShort ? StopReason.PLATEAU : end, source);
    }

    /** Reserves what the picked draws' pictures cost. Returns how many there will be. */
    private int keepBack(SearchRun run, SearchRun screening) {
        int kept = run.affordable(keep);
        while (kept > 0) {
            screening.reserve(Spend.NONE, 0.5);
            int wanted = screening.affordable(2 * kept);
            screening.reserve(run.cost().times(kept), 0.5);
            if (kept == 1 || screening.affordable(wanted) == wanted) {
                break;
            }
            kept--;
        }
        return kept;
    }
}
