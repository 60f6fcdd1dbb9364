package dev.prenoise.server.jobs;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.PictureOptions;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.engine.WeightsPin;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.NoiseStep;
import dev.prenoise.search.Budget;
import dev.prenoise.search.Candidate;
import dev.prenoise.search.CandidateSource;
import dev.prenoise.search.Outcome;
import dev.prenoise.search.SearchObserver;
import dev.prenoise.search.SeededCandidates;
import dev.prenoise.search.Spend;
import dev.prenoise.search.StopReason;
import dev.prenoise.server.jobs.Illustrator.Drawing;
import dev.prenoise.server.store.Acceptance;
import dev.prenoise.server.store.SearchState;
import dev.prenoise.server.store.SearchStore;
import dev.prenoise.server.store.StoredSearch;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One running search. The algorithm runs on this job's own thread, everything that computes here takes a turn of the lane, and each scored
 * candidate is in the store before anybody is told of it.
 *
 * <p>Threads: {@link #run} and the observer belong to the job's thread. Listeners come and go on any thread under the lock of
 * {@link Searches}; they read the volatile fields without it.
 */
final class SearchJob implements Runnable, SearchObserver {
    private static final Logger LOG = LoggerFactory.getLogger(SearchJob.class);

    /** How long the beginning of a search waits for what peers say. Those that say it later take part from then on. */
    private static final Duration PEERS_PATIENCE = Duration.ofSeconds(2);

    /** Why a search should stop; once set it stays. */
    enum Stop {
        CANCELLED,
        INTERRUPTED
    }

    private final SearchSpec spec;
    private final Searches searches;
    private final SearchStore store;
    private final Lane lane;
    private final ModelCatalog catalog;
    private final Peers peers;
    private final @Nullable SearchJob predecessor;

    /** Those that the session's work takes. */
    private final PictureOptions.Turns turns;

    private final CountDownLatch ended = new CountDownLatch(1);
    private final List<Listener> listeners = new CopyOnWriteArrayList<>();

    private volatile @Nullable Stop stop;
    private volatile @Nullable Acceptance acceptance;
    private volatile int announced;
    private volatile @Nullable Progress progress;
    private volatile @Nullable SearchEnd end;

    /** What peers do for it; null where none is asked. */
    private volatile Peers.@Nullable Help help;

    // The job's thread only.
    private @Nullable PromptSession session;
    private @Nullable SessionEvaluators evaluators;
    private final Shares shares = new Shares(System::nanoTime);
    private final long startNanos = System.nanoTime();
    private Duration elapsedBefore = Duration.ZERO;
    private List<WeightsPin> weights = List.of();
    private int storedBefore;
    private Budget budget = new Budget(0, 0, Duration.ZERO, false);
    private List<String> warningsBefore = List.of();
    private List<String> warnings = List.of();

    /** What was accepted says of these already. */
    private Set<String> accountedPeers = Set.of();

    private int illustrationCalls;
    private @Nullable Illustrator illustrator;
    private final List<Drawing> drawings = new ArrayList<>();
    private int scored;
    private Spend spent = Spend.NONE;
    private double bestScore = Double.NaN;
    private String stage = "";

    /**
     * @param predecessor a job of the same search that is stopping; this one goes on when it has ended
     */
    SearchJob(
            SearchSpec spec,
            Searches searches,
            SearchStore store,
            Lane lane,
            ModelCatalog catalog,
            Peers peers,
            @Nullable SearchJob predecessor) {
        this.spec = spec;
        this.searches = searches;
        this.store = store;
        this.lane = lane;
        this.catalog = catalog;
        this.peers = peers;
        this.predecessor = predecessor;
        this.turns = spec.model().turns(new LaneTurns());
    }

    SearchSpec spec() {
        return spec;
    }

    // --- listeners ---

    /** To be called under the lock of {@link Searches}. */
    Attachment attach(Illustrations wanted, Runnable wake) {
        Listener listener = new Listener(wanted, wake);
        listeners.add(listener);
        return listener;
    }

    /** To be called under the lock of {@link Searches}. */
    void requestStop(Stop reason) {
        if (stop == null) {
            stop = reason;
        }
        dismissPeers();
    }

    /** At once: the search's own thread may be in a long evaluation. */
    private void dismissPeers() {
        Peers.Help asked = help;
        if (asked != null) {
            asked.close();
        }
    }

    boolean isStopping() {
        return stop != null;
    }

    /** How long it should still take, from its pace so far. Null while there is none to judge by. */
    @Nullable
    Duration remaining() {
        Progress latest = progress;
        if (latest == null || latest.fraction() == 0) {
            return null;
        }
        double total = latest.elapsed().toMillis() / latest.fraction();
        return Duration.ofMillis((long) (total * (1 - latest.fraction())));
    }

    void awaitEnd() throws InterruptedException {
        ended.await();
    }

    // --- the search ---

    @Override
    public void run() {
        SearchEnd how;
        try {
            if (predecessor != null) {
                predecessor.awaitEnd();
            }
            how = search();
        } catch (SearchStoppedException e) {
            how = stopped();
        } catch (CancellationException e) {
            how = isStopping() ? stopped() : failed(e);
        } catch (Throwable e) {
            // Memory may be short for a moment only: the process goes on, whatever one search ran into.
            how = failed(e);
        }
        dismissPeers();
        SearchEnd result = how;
        searches.ended(this, () -> end = result);
        ended.countDown();
        wakeListeners();
        closeSession();
    }

    private SearchEnd search() {
        PromptSession opened = lane.call(this::open, this::isStopping);
        session = opened;
        if (spec.strategy().readsAttention()) {
            opened.requireSubjects();
        }
        if (listeners.stream().anyMatch(listener -> listener.wanted.preview() != Include.NONE)) {
            opened.requirePictures();
        }
        SearchStrategy.Plan plan = spec.strategy().plan(evaluators(opened));
        budget = spec.strategy().budget(spec.budget(), plan);
        begin(opened, peersThatDoNot(), plan.evaluator().ranking().lowerIsBetter());
        illustrator = new Illustrator(spec.id(), store, turns, opened, illustrationCalls);
        stage = plan.algorithm().name();
        Outcome outcome = plan.algorithm().search(candidates(opened), plan.evaluator(), leftOfBudget(), this);
        if (outcome.stopReason() == StopReason.CANCELLED) {
            return stopped();
        }
        announce();
        keepWarnings();
        drawSummary();
        store.progress(spec.id(), outcome.spent(), elapsed());
        store.finish(spec.id(), SearchState.DONE, outcome.stopReason(), null);
        return new SearchEnd.Done();
    }

    /** On the lane's thread. */
    private PromptSession open() {
        weights = spec.pins(catalog);
        requireSameWeights(weights);
        askPeers();
        return spec.model().open(spec, catalog, this::isStopping);
    }

    /** Scores of other weights do not compare with those that are stored. */
    private void requireSameWeights(List<WeightsPin> now) {
        for (WeightsPin pin : store.weights(spec.id())) {
            List<WeightsPin> same = now.stream().filter(pin::sameWeights).toList();
            if (same.isEmpty()) {
                throw spec.model().changed(spec.id(), pin);
            }
            if (same.stream().noneMatch(pin::sameSettings)) {
                throw WeightsChangedException.settings(spec.id(), pin.name());
            }
        }
    }

    /** While the model opens here, they look whether they have it. */
    private void askPeers() {
        if (peers.none() || !spec.model().spreads() || !spec.strategy().spreads()) {
            return;
        }
        help = peers.ask(spec, weights, shares);
        if (isStopping()) {
            dismissPeers();
        }
    }

    /** Which peers do not take part, and why, as far as is known soon. */
    private List<String> peersThatDoNot() {
        Peers.Help asked = help;
        if (asked == null) {
            return List.of();
        }
        try {
            return asked.await(PEERS_PATIENCE);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SearchStoppedException();
        }
    }

    /** Stores the search, or goes on with the stored one. */
    private void begin(PromptSession opened, List<String> peersThatDoNot, boolean lowerIsBetter) {
        List<String> notUsed = new ArrayList<>(opened.warnings());
        notUsed.addAll(peersThatDoNot);
        StoredSearch stored = store.search(spec.id());
        Acceptance accepted = new Acceptance(
                spec.model().name(),
                opened.subjects(),
                budget,
                Arrays.stream(opened.noiseShape()).boxed().toList(),
                notUsed,
                spec.strategy().verifiers());
        if (stored == null) {
            StoredSearch begun = new StoredSearch(
                    spec.id(),
                    spec.request(),
                    spec.fingerprint(),
                    accepted,
                    lowerIsBetter,
                    SearchState.RUNNING,
                    null,
                    null,
                    Spend.NONE,
                    0,
                    Duration.ZERO,
                    List.of());
            store.create(begun, weights);
        } else {
            elapsedBefore = stored.elapsed();
            warningsBefore = stored.warnings();
            storedBefore = store.count(spec.id());
            illustrationCalls = stored.illustrationCalls();
            store.resume(spec.id());
        }
        acceptance = accepted;
        accountedPeers = Set.copyOf(peersThatDoNot);
        wakeListeners();
    }

    /** The wall time goes on where an earlier run ended; what was counted is counted again from the store. */
    private Budget leftOfBudget() {
        if (budget.wallTime().isZero()) {
            return budget;
        }
        Duration left = budget.wallTime().minus(elapsedBefore);
        Duration least = Duration.ofMillis(1);
        return new Budget(
                budget.lossEvaluations(),
                budget.functionEvaluations(),
                left.compareTo(least) < 0 ? least : left,
                budget.stopOnPlateau());
    }

    private CandidateSource candidates(PromptSession opened) {
        Noise noise = spec.noise();
        return noise == null
                ? SeededCandidates.of(spec.seed(), spec.source(), opened.noiseShape())
                : SeededCandidates.ofBase(spec.seed(), spec.source(), noise);
    }

    /** The lane's, until the search is to stop. */
    private final class LaneTurns implements PictureOptions.Turns {
        @Override
        public <T> T take(Supplier<T> work) {
            return lane.call(work::get, SearchJob.this::isStopping);
        }
    }

    /** Those of this search's session, with peers beside them where some take part. */
    private SearchStrategy.Evaluators evaluators(PromptSession opened) {
        SessionEvaluators own =
                new SessionEvaluators(opened, catalog, spec.prompt().words(), turns, new LaneTurns(), this::isStopping);
        evaluators = own;
        Peers.Help asked = help;
        return asked == null ? own : new SpreadEvaluators(own, shares, asked, this::isStopping);
    }

    private SearchEnd stopped() {
        boolean cancelled = stop == Stop.CANCELLED;
        finish(
                cancelled ? SearchState.CANCELLED : SearchState.INTERRUPTED,
                cancelled ? StopReason.CANCELLED : null,
                null);
        return cancelled ? new SearchEnd.Cancelled() : new SearchEnd.Interrupted();
    }

    private SearchEnd failed(Throwable failure) {
        finish(SearchState.FAILED, null, String.valueOf(failure.getMessage()));
        return new SearchEnd.Failed(failure);
    }

    /** After a stop or a failure. Where even the store fails, the row stays RUNNING, and the next start calls it interrupted. */
    private void finish(SearchState state, @Nullable StopReason reason, @Nullable String error) {
        if (acceptance == null) {
            return;
        }
        try {
            store.finish(spec.id(), state, reason, error);
        } catch (RuntimeException e) {
            LOG.warn("search {}: its end is not stored", spec.id(), e);
        }
    }

    private void closeSession() {
        PromptSession opened = session;
        if (opened == null) {
            return;
        }
        SessionEvaluators own = evaluators;
        session = null;
        evaluators = null;
        try {
            lane.call(() -> {
                if (own != null) {
                    own.close();
                }
                opened.close();
                return true;
            });
        } catch (RuntimeException e) {
            LOG.warn("search {}: its session did not close", spec.id(), e);
        }
    }

    // --- what the algorithm tells and asks ---

    /** Stores the candidate. Listeners hear of it before the next evaluation, together with the others of its batch. */
    @Override
    public void scored(Candidate candidate, boolean bestSoFar, Spend total) {
        if (candidate.index() >= storedBefore) {
            store.append(spec.id(), slim(candidate), bestSoFar, total, elapsed());
        }
        if (bestSoFar) {
            bestScore = candidate.score();
        }
        spent = total;
        scored = candidate.index() + 1;
        Drawing drawing = wanted(candidate.index(), bestSoFar);
        if (drawing.preview() || drawing.heatMaps()) {
            drawings.add(drawing);
        }
    }

    @Override
    public void progress(Spend total, double best, String current) {
        announce();
        if (Double.isNaN(bestScore)) {
            bestScore = best;
        }
        publish(total, current);
    }

    /** Asked before each evaluation. */
    @Override
    public boolean stopRequested() {
        announce();
        return isStopping();
    }

    @Override
    public @Nullable Candidate recorded(int index) {
        return index < storedBefore ? store.recorded(spec.id(), index) : null;
    }

    private void publish(Spend spent, String current) {
        Duration elapsed = elapsed();
        Acceptance accepted = acceptance;
        if (accepted == null) {
            return;
        }
        progress = new Progress(
                spent, illustrator().calls(), elapsed, Progress.fraction(accepted, spent, elapsed), bestScore, current);
        wakeListeners();
    }

    private Duration elapsed() {
        return elapsedBefore.plusNanos(System.nanoTime() - startNanos);
    }

    /** Without the values where the recipe gives them back: a plain seed is a few bytes in the store. */
    private static Candidate slim(Candidate candidate) {
        NoiseRecipe recipe = candidate.recipe();
        boolean replayable = recipe.baseSha256() == null
                && recipe.steps().stream().noneMatch(step -> step instanceof NoiseStep.Optimization);
        return new Candidate(
                candidate.index(),
                recipe,
                replayable ? null : candidate.noise(),
                candidate.score(),
                candidate.terms(),
                candidate.cost());
    }

    // --- pictures and heat maps ---

    /** What the listeners that there are now want to see of a candidate. */
    private Drawing wanted(int index, boolean best) {
        boolean preview = false;
        boolean heatMaps = false;
        for (Listener listener : listeners) {
            Include include = listener.wanted.preview();
            preview |= include == Include.ALL || include == Include.BEST && best;
            heatMaps |= listener.wanted.heatMaps() && best && hasSubjects();
        }
        return new Drawing(index, preview, heatMaps);
    }

    /** Heat maps are of subjects. */
    private boolean hasSubjects() {
        return !opened().subjects().isEmpty();
    }

    /** Tells of the candidates scored since the last time, after drawing what is wanted of them, in as few calls as can be. */
    private void announce() {
        if (scored == announced || isStopping() && !drawings.isEmpty()) {
            return;
        }
        draw(drawings);
        drawings.clear();
        announced = scored;
        keepWarnings();
        publish(spent, stage);
    }

    /** So that they outlive the process as candidates do. Judges count on, so that what they said before of this run is outdated. */
    private void keepWarnings() {
        List<String> now = new ArrayList<>();
        if (evaluators != null) {
            now.addAll(evaluators.warnings());
        }
        Peers.Help asked = help;
        if (asked != null) {
            asked.warnings().stream()
                    .filter(warning -> !accountedPeers.contains(warning))
                    .forEach(now::add);
        }
        if (!now.equals(warnings)) {
            warnings = now;
            List<String> all = new ArrayList<>(warningsBefore);
            all.addAll(now);
            store.warn(spec.id(), all);
        }
    }

    private void drawSummary() {
        int best = listeners.stream()
                .mapToInt(listener -> listener.wanted.best())
                .max()
                .orElse(0);
        StoredSearch search = store.search(spec.id());
        if (best == 0 || search == null) {
            return;
        }
        Set<Integer> indices = new LinkedHashSet<>(List.of(0));
        store.standing(search, best)
                .best()
                .forEach(stored -> indices.add(stored.candidate().index()));
        draw(indices.stream().map(index -> wanted(index, true)).toList());
    }

    private void draw(List<Drawing> wanted) {
        if (wanted.stream().anyMatch(drawing -> drawing.preview() || drawing.heatMaps())) {
            // It can take longer than the search itself.
            publish(spent, "drawing");
            illustrator().draw(List.copyOf(wanted));
        }
    }

    private Illustrator illustrator() {
        if (illustrator == null) {
            throw new IllegalStateException("illustrator: null (expected: one while the search runs)");
        }
        return illustrator;
    }

    private PromptSession opened() {
        if (session == null) {
            throw new IllegalStateException("session: closed (expected: open while the search runs)");
        }
        return session;
    }

    private void wakeListeners() {
        listeners.forEach(listener -> listener.wake.run());
    }

    private final class Listener implements Attachment {
        private final Illustrations wanted;
        private final Runnable wake;

        Listener(Illustrations wanted, Runnable wake) {
            this.wanted = wanted;
            this.wake = wake;
        }

        @Override
        public String searchId() {
            return spec.id();
        }

        @Override
        public @Nullable Acceptance acceptance() {
            return acceptance;
        }

        @Override
        public int announced() {
            return announced;
        }

        @Override
        public @Nullable Progress progress() {
            return progress;
        }

        @Override
        public @Nullable SearchEnd end() {
            return end;
        }

        @Override
        public void cancel() {
            searches.cancel(SearchJob.this);
        }

        @Override
        public void detach() {
            searches.detach(SearchJob.this, () -> {
                listeners.remove(this);
                return listeners.isEmpty();
            });
        }
    }
}
