package dev.prenoise.search;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.NoiseStep;
import dev.prenoise.noise.SeededNoise;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** The ledger of one search: what it may still spend, what it spent, what it found. Not thread-safe. */
final class SearchRun {
    private final Evaluator evaluator;
    private final Budget budget;
    private final SearchObserver observer;
    private final LongSupplier nanoTime;
    private final long startedNanos;
    private final Spend cost;
    private final Ranking ranking;
    private final Leaderboard board;
    private Spend reserved = Spend.NONE;
    private long wallNanos;
    private Spend spent;
    private boolean begun;

    /** @throws IllegalArgumentException when no limit of the budget would ever be met */
    SearchRun(Evaluator evaluator, Budget budget, SearchObserver observer, LongSupplier nanoTime) {
        this(evaluator, budget, observer, nanoTime, nanoTime.getAsLong(), Spend.NONE);
    }

    /** A later stage of a search that began at {@code startedNanos} and has spent {@code before} since. */
    SearchRun(
            Evaluator evaluator,
            Budget budget,
            SearchObserver observer,
            LongSupplier nanoTime,
            long startedNanos,
            Spend before) {
        this.evaluator = evaluator;
        this.budget = budget;
        this.observer = observer;
        this.nanoTime = nanoTime;
        this.startedNanos = startedNanos;
        this.cost = evaluator.cost();
        this.ranking = evaluator.ranking();
        this.board = new Leaderboard(ranking);
        this.wallNanos = budget.wallTime().toNanos();
        this.spent = before;
        if (wallNanos == 0 && affordable(Integer.MAX_VALUE) == Integer.MAX_VALUE) {
            throw new IllegalArgumentException("budget: " + budget
                    + " (expected: a limit on what an evaluation spends, " + cost + ", or on wall time)");
        }
    }

    /** Goes on from what another stage of the same search has come to. */
    void resumeAfter(SearchRun stage) {
        spent = stage.spent;
    }

    /** Leaves this much of the budget, and of the wall time this share, to a later stage. */
    void reserve(Spend forLater, double wallShare) {
        reserved = forLater;
        wallNanos = Math.round(wallNanos * (1 - wallShare));
    }

    Evaluator evaluator() {
        return evaluator;
    }

    boolean stopsOnPlateau() {
        return budget.stopOnPlateau();
    }

    /** Whether the budget asks for the rule and the rule ends the search after these candidates, drawn one like the other. */
    boolean plateau(PlateauRule rule, List<Candidate> drawn) {
        return budget.stopOnPlateau() && rule.stopsAfter(ranking.worth(drawn), ranking.lowerIsBetter());
    }

    Spend cost() {
        return cost;
    }

    Spend spent() {
        return spent;
    }

    /** How many further evaluations the budget pays for, at most {@code wanted}. */
    int affordable(int wanted) {
        int byLoss = affordable(
                budget.lossEvaluations(), spent.lossEvaluations() + reserved.lossEvaluations(), cost.lossEvaluations());
        int byFunction = affordable(
                budget.functionEvaluations(),
                spent.functionEvaluations() + reserved.functionEvaluations(),
                cost.functionEvaluations());
        return Math.min(wanted, Math.min(byLoss, byFunction));
    }

    private static int affordable(int limit, int gone, int each) {
        return limit == 0 || each == 0 ? Integer.MAX_VALUE : Math.max(0, limit - gone) / each;
    }

    /** Asked before each evaluation: why there must be none, or null. */
    @Nullable
    StopReason stop() {
        if (affordable(1) == 0) {
            return StopReason.BUDGET;
        }
        if (observer.stopRequested()) {
            return StopReason.CANCELLED;
        }
        // candidate 0 is owed whatever the clock says
        boolean late = wallNanos > 0 && begun && nanoTime.getAsLong() - startedNanos >= wallNanos;
        return late ? StopReason.BUDGET : null;
    }

    List<Evaluation> evaluate(List<SeededNoise> noises) {
        List<Evaluation> evaluations = evaluator.evaluateSeeded(noises);
        if (evaluations.size() != noises.size()) {
            throw new IllegalStateException(
                    "evaluations: " + evaluations.size() + " (expected: " + noises.size() + ", one for each noise)");
        }
        return evaluations;
    }

    Evaluation evaluateWithGradient(Noise noise) {
        return evaluator.evaluateWithGradient(List.of(noise)).get(0);
    }

    void charge(Spend amount) {
        spent = spent.plus(amount);
    }

    /** What an earlier run already scored, counted and reported again; null when it did not, or when the budget does not reach so far. */
    @Nullable
    Candidate replay(int index) {
        Candidate recorded = observer.recorded(index);
        if (recorded == null || !budget.allows(spent.plus(reserved), recorded.cost())) {
            return null;
        }
        charge(recorded.cost());
        return report(recorded);
    }

    boolean isRecorded(int index) {
        return observer.recorded(index) != null;
    }

    /** Enters the candidate and tells the observer; its cost must have been charged. Returns it with the score that it has among all. */
    Candidate report(Candidate candidate) {
        int place = enter(candidate);
        Candidate entered = board.at(place);
        observer.scored(entered, place == 0 && Double.isFinite(entered.score()), spent);
        return entered;
    }

    /** Enters the candidate without telling the observer, so that nobody records it. */
    void keep(Candidate candidate) {
        enter(candidate);
    }

    private int enter(Candidate candidate) {
        if (candidate.index() == 0) {
            begun = true;
        }
        return board.offer(candidate);
    }

    void progress(String stage) {
        Candidate best = board.best();
        observer.progress(spent, best == null ? Double.NaN : best.score(), stage);
    }

    /** The noise, where its recipe alone cannot replay it. */
    static @Nullable Noise carried(NoiseRecipe recipe, Noise noise) {
        boolean optimized = recipe.steps().stream().anyMatch(NoiseStep.Optimization.class::isInstance);
        return optimized || recipe.baseSha256() != null ? noise : null;
    }

    Outcome end(StopReason reason, CandidateSource source) {
        List<Candidate> ranked = board.ranked();
        Candidate first = ranked.stream()
                .filter(candidate -> candidate.index() == 0)
                .findAny()
                .orElseGet(() -> new Candidate(0, source.recipe(0), null, Double.NaN, Map.of(), Spend.NONE));
        return new Outcome(ranked, first, reason, spent);
    }
}
