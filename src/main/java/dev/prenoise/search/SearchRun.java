package dev.prenoise.search;

import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.SeededNoise;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.stream.IntStream;
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
    private Predicate<NoiseRecipe> laterStage = recipe -> false;
    private long wallNanos;
    private Spend spent;
    private boolean begun;
    private int draws;

    /** @throws IllegalArgumentException when no limit of the budget would ever be met */
    SearchRun(Evaluator evaluator, Budget budget, SearchObserver observer, LongSupplier nanoTime) {
        this(evaluator, evaluator.cost(), budget, observer, nanoTime, nanoTime.getAsLong(), Spend.NONE);
    }

    /**
     * A later stage of a search that began at {@code startedNanos} and has spent {@code before} since.
     *
     * @param cost of one evaluation, with its gradient where the search follows gradients
     */
    SearchRun(
            Evaluator evaluator,
            Spend cost,
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
        this.cost = cost;
        this.ranking = evaluator.ranking();
        this.board = new Leaderboard(ranking);
        this.wallNanos = budget.wallTime().toNanos();
        this.spent = before;
        if (wallNanos == 0 && affordable(Integer.MAX_VALUE) == Integer.MAX_VALUE) {
            throw new IllegalArgumentException("budget: " + budget
                    + " (expected: a limit on what an evaluation spends, " + cost + ", or on wall time)");
        }
    }

    /** Every evaluation of it takes a gradient. */
    static SearchRun followingGradients(
            Evaluator evaluator, Budget budget, SearchObserver observer, LongSupplier nanoTime) {
        return new SearchRun(
                evaluator, evaluator.gradientCost(), budget, observer, nanoTime, nanoTime.getAsLong(), Spend.NONE);
    }

    /** Goes on from what another stage of the same search has come to. */
    void resumeAfter(SearchRun stage) {
        spent = stage.spent;
    }

    /** Leaves this much of the budget, and of the wall time this share, to a later stage. */
    void reserve(Spend forLater, double wallShare) {
        reserved = forLater;
        wallNanos = Math.round(budget.wallTime().toNanos() * (1 - wallShare));
    }

    /**
     * Leaves half of what is left of each limit to a later stage.
     *
     * @param later whether the later stage has made this. Where an earlier run recorded such a candidate, its clock had ended the stage before
     *     it; so does {@link #score} now, whatever the clock says
     */
    void reserveHalf(Predicate<NoiseRecipe> later) {
        laterStage = later;
        reserve(
                new Spend(
                        half(budget.lossEvaluations(), spent.lossEvaluations()),
                        half(budget.functionEvaluations(), spent.functionEvaluations()),
                        0,
                        0),
                0);
        if (wallNanos > 0) {
            long gone = nanoTime.getAsLong() - startedNanos;
            wallNanos = Math.max(1, gone + Math.max(0, wallNanos - gone) / 2);
        }
    }

    private static int half(int limit, int gone) {
        return Math.max(0, limit - gone) / 2;
    }

    /** The later stage begins. */
    void release() {
        reserve(Spend.NONE, 0);
        laterStage = recipe -> false;
    }

    /** Whether the budget pays for this as well. */
    boolean pays(Spend next) {
        return budget.allows(spent.plus(reserved), next);
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
        Spend gone = spent.plus(reserved);
        int byLoss = affordable(budget.lossEvaluations(), gone.lossEvaluations(), cost.lossEvaluations());
        int byFunction =
                affordable(budget.functionEvaluations(), gone.functionEvaluations(), cost.functionEvaluations());
        return Math.min(wanted, Math.min(byLoss, byFunction));
    }

    private static int affordable(int limit, int gone, int each) {
        return limit == 0 || each == 0 ? Integer.MAX_VALUE : Math.max(0, limit - gone) / each;
    }

    /** Asked before each evaluation: why there must be none, or null. */
    @Nullable
    StopReason stop() {
        return affordable(1) == 0 ? StopReason.BUDGET : interrupted();
    }

    /** Asked before each denoiser call that is paid for: why there must be none, or null. */
    @Nullable
    StopReason interrupted() {
        if (observer.stopRequested()) {
            return StopReason.CANCELLED;
        }
        // candidate 0 is owed whatever the clock says
        boolean late = wallNanos > 0 && begun && nanoTime.getAsLong() - startedNanos >= wallNanos;
        return late ? StopReason.BUDGET : null;
    }

    /** What {@link #score} came to: candidates in order, and why they are fewer than were wanted; null when they are not. */
    record Scored(List<Candidate> candidates, @Nullable StopReason stop) {}

    /**
     * Scores the next candidates, in batches as large as the evaluator takes, or reports them again where an earlier run has scored them.
     *
     * @param count how many, if the budget pays for them
     * @param proposals what to score, from 0; asked only for what is not recorded
     */
    Scored score(int count, IntFunction<Proposal> proposals) {
        List<Candidate> scored = new ArrayList<>();
        Map<Integer, Proposal> drawn = new HashMap<>();
        while (scored.size() < count) {
            if (laterStageBegan()) {
                return new Scored(scored, StopReason.BUDGET);
            }
            Candidate recorded = replay(nextIndex());
            if (recorded != null) {
                scored.add(recorded);
                continue;
            }
            StopReason stop = stop();
            if (stop != null) {
                return new Scored(scored, stop);
            }
            int first = scored.size();
            int size = unrecorded(maxBatch(), count - first);
            int known = Math.max(size, unrecorded(saturated(size, evaluator.ahead()), count - first));
            List<Proposal> next = new ArrayList<>();
            for (int i = first; i < first + known; i++) {
                next.add(drawn.computeIfAbsent(i, proposals::apply));
            }
            drawn.keySet().removeIf(i -> i < first + size);
            scored.addAll(score(next.subList(0, size), next.subList(size, known)));
        }
        return new Scored(scored, null);
    }

    private static int saturated(int size, int ahead) {
        return (int) Math.min(Integer.MAX_VALUE, (long) size + ahead);
    }

    /** In an earlier run. */
    private boolean laterStageBegan() {
        Candidate recorded = observer.recorded(nextIndex());
        return recorded != null && laterStage.test(recorded.recipe());
    }

    private List<Candidate> score(List<Proposal> batch, List<Proposal> following) {
        List<Evaluation> evaluations = requireAll(evaluator.evaluateProposals(batch, following), batch.size());
        List<Candidate> candidates = new ArrayList<>();
        for (int i = 0; i < batch.size(); i++) {
            charge(i == 0 ? cost : cost.withinBatch());
            candidates.add(report(batch.get(i).candidate(nextIndex(), evaluations.get(i), cost)));
        }
        return candidates;
    }

    /** How many of the next ones the budget pays for and no earlier run has scored: at least 1, at most as many as these two. */
    private int unrecorded(int most, int wanted) {
        int limit = Math.min(affordable(most), wanted);
        int size = 1;
        while (size < limit && observer.recorded(nextIndex() + size) == null) {
            size++;
        }
        return size;
    }

    int maxBatch() {
        int limit = evaluator.maxBatch();
        if (limit < 1) {
            throw new IllegalStateException("max_batch: " + limit + " (expected: >= 1)");
        }
        return limit;
    }

    /** The index of the next candidate. */
    int nextIndex() {
        return board.size();
    }

    /** Takes the source's next draws. Returns the first of them. */
    int takeDraws(int count) {
        int first = draws;
        draws += count;
        return first;
    }

    /** The draw that {@link #takeDraws} would begin with. */
    int nextDraw() {
        return draws;
    }

    /** Scores candidate 0. Returns why it could not, or null. */
    @Nullable
    StopReason scoreHost(CandidateSource source) {
        int draw = takeDraws(1);
        return score(1, i -> Proposal.drawn(source, draw)).stop();
    }

    List<Evaluation> evaluate(List<SeededNoise> noises) {
        return requireAll(evaluator.evaluateSeeded(noises), noises.size());
    }

    private static List<Evaluation> requireAll(List<Evaluation> evaluations, int noises) {
        if (evaluations.size() != noises) {
            throw new IllegalStateException(
                    "evaluations: " + evaluations.size() + " (expected: " + noises + ", one for each noise)");
        }
        return evaluations;
    }

    Evaluation evaluateWithGradient(SeededNoise noise) {
        return evaluator.evaluateSeededWithGradient(List.of(noise)).get(0);
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

    /** Whether an earlier run has scored all of the next {@code count} candidates. */
    boolean recordsNext(int count) {
        return IntStream.range(0, count).allMatch(i -> observer.recorded(nextIndex() + i) != null);
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

    /** Best first, each with the score that it now has. */
    List<Candidate> ranked() {
        return board.ranked();
    }

    /** The best of all so far. */
    Candidate best() {
        return board.at(0);
    }

    /** The best of some that were scored, with the score that it now has. */
    Candidate best(List<Candidate> some) {
        return board.best(some);
    }

    Ranking ranking() {
        return ranking;
    }

    /** Whether the budget asks for the rule and the best has stopped rising by it. */
    boolean levelsOff(PlateauRule rule, List<Candidate> bestAfterRounds) {
        if (!budget.stopOnPlateau()) {
            return false;
        }
        List<Candidate> pool = board.ranked();
        double[] worth = ranking.worth(pool);
        Map<Integer, Double> byIndex = new HashMap<>();
        for (int i = 0; i < worth.length; i++) {
            byIndex.put(pool.get(i).index(), worth[i]);
        }
        double[] climb = bestAfterRounds.stream()
                .mapToDouble(candidate -> byIndex.getOrDefault(candidate.index(), Double.NaN))
                .toArray();
        return rule.levelsOff(climb, ranking.lowerIsBetter());
    }

    void progress(String stage) {
        Candidate best = board.best();
        observer.progress(spent, best == null ? Double.NaN : best.score(), stage);
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
