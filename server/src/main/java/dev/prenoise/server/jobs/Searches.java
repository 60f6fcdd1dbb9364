package dev.prenoise.server.jobs;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.server.jobs.SearchJob.Stop;
import dev.prenoise.server.store.Acceptance;
import dev.prenoise.server.store.SearchState;
import dev.prenoise.server.store.SearchStore;
import dev.prenoise.server.store.Standing;
import dev.prenoise.server.store.StoredCandidate;
import dev.prenoise.server.store.StoredSearch;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The searches of this process: starts them, attaches listeners to them, bounds how many there are, stops them.
 *
 * <p>Thread-safe. One lock covers who runs and who listens; nothing computes under it.
 */
public final class Searches implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Searches.class);
    private static final Duration SHORTEST_DELAY = Duration.ofSeconds(1);
    private static final Duration LONGEST_DELAY = Duration.ofSeconds(60);

    private final SearchStore store;
    private final Lane lane;
    private final ModelCatalog catalog;
    private final Peers peers;
    private final int maxRunning;
    private final ExecutorService threads;

    private final Map<String, SearchJob> running = new HashMap<>();
    private boolean draining;

    /**
     * @param peers do shares of searches; not this object's to close
     * @param maxRunning how many searches may share the lane
     */
    public Searches(SearchStore store, Lane lane, ModelCatalog catalog, Peers peers, int maxRunning) {
        this.store = store;
        this.lane = lane;
        this.catalog = catalog;
        this.peers = peers;
        this.maxRunning = maxRunning;
        threads = Executors.newCachedThreadPool(runnable -> {
            Thread thread = new Thread(runnable, "prenoise-search");
            thread.setDaemon(true);
            return thread;
        });
    }

    /**
     * Listens to a search: to the one that runs, to the end of one that is done, or to a new run of one that is new, had stopped before its
     * end, or lacks pictures that are wanted now.
     *
     * @param wake called from any thread when there is something new to read; must return at once
     * @throws SearchExistsException when the id belongs to a search with another request, or to one that runs for its caller alone
     * @throws BusyException when as many run as may
     * @throws ShuttingDownException after {@link #refuseNew()}
     */
    public synchronized Attachment attach(SearchSpec spec, Illustrations wanted, Runnable wake) {
        Attachment known = reattach(spec.id(), spec.fingerprint(), wanted, wake);
        if (known != null) {
            return known;
        }
        SearchJob stopping = running.get(spec.id());
        if (stopping != null) {
            return start(spec, stopping, wanted, wake);
        }
        if (running.size() >= maxRunning) {
            throw new BusyException(running.size(), retryDelay());
        }
        StoredSearch stored = store.search(spec.id());
        return start(stored == null ? spec : spec.as(stored.acceptance()), null, wanted, wake);
    }

    /**
     * Listens to a search for which nothing has to be started: to the one that runs, or to the end of one that is done. Null where there is
     * none of that id, or it had stopped before its end or lacks pictures that are wanted now: then {@link #attach} starts it. Models and
     * LoRAs are not asked for: they may have been moved since.
     *
     * @param fingerprint of the request
     * @param wake as for {@link #attach}
     * @throws SearchExistsException when the id belongs to a search with another request, or to one that runs for its caller alone
     * @throws ShuttingDownException after {@link #refuseNew()}
     */
    public synchronized @Nullable Attachment reattach(
            String id, String fingerprint, Illustrations wanted, Runnable wake) {
        if (draining) {
            throw new ShuttingDownException();
        }
        SearchJob job = running.get(id);
        if (job != null) {
            requireSame(id, fingerprint, job.spec().fingerprint());
            if (job.isStopping()) {
                return null;
            }
            job.spec().model().requireShared(id);
            return job.attach(wanted, wake);
        }
        StoredSearch stored = store.search(id);
        if (stored == null) {
            return null;
        }
        requireSame(id, fingerprint, stored.fingerprint());
        return stored.state() == SearchState.DONE && isDrawn(stored, wanted)
                ? new DoneSearch(stored, store.count(id))
                : null;
    }

    /** The request of a search that is so new that the store does not have it yet; null for any other. */
    public synchronized byte @Nullable [] unstoredRequest(String id) {
        SearchJob job = running.get(id);
        return job == null ? null : job.spec().request();
    }

    /** Takes no further searches, nor listeners. */
    public synchronized void refuseNew() {
        draining = true;
    }

    /**
     * Lets the running searches end, and interrupts those that have not after the grace time. They are stored where they are.
     *
     * @param patience how long the interrupted ones may take for the evaluation that they are in
     */
    public void drain(Duration grace, Duration patience) {
        refuseNew();
        threads.shutdown();
        if (!awaitThreads(grace)) {
            synchronized (this) {
                LOG.info("{} searches are stored where they are", running.size());
                running.values().forEach(job -> job.requestStop(Stop.INTERRUPTED));
            }
            awaitThreads(patience);
        }
    }

    @Override
    public void close() {
        drain(Duration.ZERO, Duration.ZERO);
    }

    /** The job is over: from here on its search is what the store says. */
    synchronized void ended(SearchJob job, Runnable publishEnd) {
        running.remove(job.spec().id(), job);
        publishEnd.run();
    }

    /**
     * @param remove removes a listener and says whether it was the last
     */
    synchronized void detach(SearchJob job, BooleanSupplier remove) {
        if (remove.getAsBoolean()) {
            job.requestStop(Stop.CANCELLED);
        }
    }

    synchronized void cancel(SearchJob job) {
        job.requestStop(Stop.CANCELLED);
    }

    private Attachment start(SearchSpec spec, @Nullable SearchJob predecessor, Illustrations wanted, Runnable wake) {
        SearchJob job = new SearchJob(spec, this, store, lane, catalog, peers, predecessor);
        Attachment attachment = job.attach(wanted, wake);
        running.put(spec.id(), job);
        threads.execute(job);
        return attachment;
    }

    /** Whether all that is wanted of a search that is done was drawn when it ran. */
    private boolean isDrawn(StoredSearch search, Illustrations wanted) {
        Standing standing = store.standing(search, wanted.best());
        List<StoredCandidate> summary = new ArrayList<>(standing.best());
        if (standing.baseline() != null) {
            summary.add(standing.baseline());
        }
        boolean heatMaps = wanted.heatMaps() && !search.acceptance().subjects().isEmpty();
        boolean previews =
                switch (wanted.preview()) {
                    case NONE -> true;
                    case BEST -> store.isPreviewed(search.id(), true);
                    case ALL -> store.isPreviewed(search.id(), false);
                };
        return previews
                && summary.stream()
                        .allMatch(candidate -> wanted.preview() == Include.NONE || candidate.preview() != null)
                && summary.stream()
                        .noneMatch(candidate -> heatMaps && candidate.heatMaps().isEmpty());
    }

    private static void requireSame(String id, String fingerprint, String known) {
        if (!fingerprint.equals(known)) {
            throw new SearchExistsException(id);
        }
    }

    /** Until the search that is nearest to its end should be over. */
    private Duration retryDelay() {
        Duration next = running.values().stream()
                .map(SearchJob::remaining)
                .filter(Objects::nonNull)
                .min(Duration::compareTo)
                .orElse(SHORTEST_DELAY);
        if (next.compareTo(SHORTEST_DELAY) < 0) {
            return SHORTEST_DELAY;
        }
        return next.compareTo(LONGEST_DELAY) > 0 ? LONGEST_DELAY : next;
    }

    private boolean awaitThreads(Duration time) {
        try {
            return threads.awaitTermination(time.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** What there is to read of a search that ran to its end. */
    private record DoneSearch(StoredSearch search, int announced) implements Attachment {
        @Override
        public String searchId() {
            return search.id();
        }

        @Override
        public Acceptance acceptance() {
            return search.acceptance();
        }

        @Override
        public @Nullable Progress progress() {
            return null;
        }

        @Override
        public SearchEnd end() {
            return new SearchEnd.Done();
        }

        @Override
        public void cancel() {}

        @Override
        public void detach() {}
    }
}
