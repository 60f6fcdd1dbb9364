package dev.prenoise.search;

import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One loss, then another, such as InitNO, then Self-Cross: a first stage picks noise by the first loss, a second ranks what it picked by the
 * second loss, which alone decides. The evaluator given to {@link #search} is the second; an instance holds the first, so it serves one
 * search at a time.
 *
 * <ol>
 *   <li>Candidate 0, the host's noise, is scored by the second loss before anything else, so that no result is worse by it.
 *   <li>First stage, by the first loss. Ranking: draws 1, 2, ... are scored once each ({@link BestOfN}) with four fifths of the budget (half
 *       of it would leave nothing to choose: every draw could be scored by the second loss as well). Optimising: {@link InitNoSearch} with
 *       half of the budget, candidate 0's evaluation counted to the other half.
 *   <li>Second stage, by the second loss, over the first's candidates, best first. Ranking: one evaluation each for as many as the last fifth
 *       pays for. Optimising: InitNO's steps from each in turn, then from fresh draws while the budget lasts.
 * </ol>
 *
 * With a budget under three evaluations the second stage runs alone. Where only wall time limits the search, half of it goes to the first
 * stage, and ranking keeps a quarter of the draws. {@link Budget#stopOnPlateau()} can end the first stage.
 *
 * <p>Only what the second loss scored is a candidate: the first stage is reported as progress, whose best score is the first loss's. It is not
 * recorded either, so a search that is resumed computes the first stage again, to the same result, and counts it once.
 */
public final class TwoStageSearch implements SearchAlgorithm {
    private static final int LEAST_EVALUATIONS = 3;

    private final Evaluator first;
    private final @Nullable InitNoParameters parameters;
    private final PlateauRule plateau;
    private final LongSupplier nanoTime;

    TwoStageSearch(Evaluator first, @Nullable InitNoParameters parameters, PlateauRule plateau, LongSupplier nanoTime) {
        this.first = first;
        this.parameters = parameters;
        this.plateau = plateau;
        this.nanoTime = nanoTime;
    }

    /** Both stages rank noise as drawn. */
    public static TwoStageSearch ranking(Evaluator first, PlateauRule plateau) {
        return new TwoStageSearch(first, null, plateau, System::nanoTime);
    }

    /** Both stages optimise, each its own loss. */
    public static TwoStageSearch optimizing(Evaluator first, InitNoParameters parameters, PlateauRule plateau) {
        return new TwoStageSearch(first, parameters, plateau, System::nanoTime);
    }

    @Override
    public String name() {
        return parameters == null ? "two-stage-best-of-n" : "two-stage-initno";
    }

    /**
     * @param second ranks
     * @throws IllegalArgumentException as {@link BestOfN#search} and {@link InitNoSearch#search}
     */
    @Override
    public Outcome search(CandidateSource source, Evaluator second, Budget budget, SearchObserver observer) {
        if (parameters != null) {
            InitNoSearch.requireLoss(first);
            InitNoSearch.requireLoss(second);
        }
        long started = nanoTime.getAsLong();
        SearchRun run =
                new SearchRun(second, unit(second), budget.withoutPlateau(), observer, nanoTime, started, Spend.NONE);
        int evaluations = run.affordable(Integer.MAX_VALUE);
        if (evaluations < LEAST_EVALUATIONS) {
            return parameters == null
                    ? bestOfN().run(run, source, 0, evaluations)
                    : initNo(parameters).run(run, source);
        }
        StopReason stop = scoreHost(run, source);
        if (stop != null) {
            return run.end(stop, source);
        }
        if (parameters != null && InitNoStart.meetsThresholds(run.best().terms(), parameters)) {
            return run.end(StopReason.THRESHOLD, source);
        }
        int later = parameters == null ? ceilingOfPart(evaluations - 1, 5) : Math.max(1, evaluations / 2 - 1);
        boolean counted = evaluations < Integer.MAX_VALUE;
        SearchRun screen = new SearchRun(
                first, unit(first), budget, new Screening(observer, "first loss"), nanoTime, started, run.spent());
        screen.reserve(counted ? run.cost().times(later) : Spend.NONE, 0.5);
        Outcome picked = parameters == null
                ? bestOfN().run(screen, new FreshDraws(source), 0, Integer.MAX_VALUE)
                : initNo(parameters).run(screen, source);
        run.resumeAfter(screen);
        if (picked.stopReason() == StopReason.CANCELLED) {
            return run.end(StopReason.CANCELLED, source);
        }
        if (parameters != null) {
            return initNo(parameters).runFromFirst(run, PickedDraws.optimized(source, picked));
        }
        int keep = counted ? later : ceilingOfPart(picked.ranked().size(), 4);
        PickedDraws drawn = PickedDraws.drawn(source, picked, Integer.MAX_VALUE);
        Outcome ranked = bestOfN().run(run, drawn, 1, 1 + Math.min(keep, drawn.size()));
        boolean cutShort = picked.stopReason() == StopReason.PLATEAU && ranked.stopReason() == StopReason.BUDGET;
        return cutShort ? run.end(StopReason.PLATEAU, source) : ranked;
    }

    private @Nullable StopReason scoreHost(SearchRun run, CandidateSource source) {
        if (parameters == null) {
            return run.scoreHost(source);
        }
        StopReason stop = run.replay(0) == null ? run.stop() : null;
        if (stop == null && run.nextIndex() == 0) {
            InitNoStart host = new InitNoStart(source.recipe(0), source.draw(0), parameters);
            initNo(parameters).plain(run, source.recipe(0), host);
        }
        return stop;
    }

    private BestOfN bestOfN() {
        return new BestOfN(plateau, nanoTime);
    }

    private InitNoSearch initNo(InitNoParameters parameters) {
        return new InitNoSearch(parameters, plateau, nanoTime);
    }

    private Spend unit(Evaluator evaluator) {
        return parameters == null ? evaluator.cost() : evaluator.gradientCost();
    }

    private static int ceilingOfPart(int whole, int parts) {
        return whole / parts + (whole % parts == 0 ? 0 : 1);
    }
}
