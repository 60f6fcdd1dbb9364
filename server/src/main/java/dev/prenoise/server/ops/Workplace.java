package dev.prenoise.server.ops;

import dev.prenoise.engine.DeviceInfo;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.server.grpc.CandidatesService;
import dev.prenoise.server.grpc.NoiseProviderService;
import dev.prenoise.server.grpc.Protos;
import dev.prenoise.server.grpc.SidecarIdentity;
import dev.prenoise.server.grpc.SpreadPeers;
import dev.prenoise.server.jobs.Lane;
import dev.prenoise.server.jobs.Peers;
import dev.prenoise.server.jobs.Searches;
import dev.prenoise.server.store.SearchStore;
import dev.prenoise.server.store.StoreException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What stands behind the service while it runs: store, lane, searches, threads. Opened together, closed together.
 *
 * @param calls threads for calls and for sending streams; nothing on them waits or computes
 * @param computing threads for what is computed without the lane, and for looking up models
 * @param scoring threads for having pictures judged, which wait
 * @param helping threads for scoring other sidecars' candidates, which wait
 * @param idle ends calls on which other sidecars ask nothing
 * @param daily deletes old searches; null where they are kept
 * @param temporary the store's folder, where it goes when this closes
 */
record Workplace(
        SearchStore store,
        Lane lane,
        Peers peers,
        Searches searches,
        ExecutorService calls,
        ExecutorService computing,
        ExecutorService scoring,
        ExecutorService helping,
        ScheduledExecutorService idle,
        @Nullable ScheduledExecutorService daily,
        NoiseProviderService service,
        CandidatesService candidates,
        @Nullable Path temporary)
        implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Workplace.class);
    private static final int CALL_THREADS = 8;
    private static final int COMPUTE_THREADS = 2;
    private static final int SCORE_THREADS = 4;

    private static final int IDLE_SECONDS = 60;

    /** Each holds a whole request, up to the message limit. */
    private static final int WAITING_SCORES = 8;

    /**
     * @throws StartException when the data folder cannot be used
     */
    static Workplace open(SidecarConfig config, ModelCatalog catalog) {
        String device = device(catalog);
        Path temporary = config.dataDir() == null ? temporaryFolder() : null;
        SearchStore store = openStore(temporary == null ? config.dataDir() : temporary);
        Lane lane = new Lane(device);
        ScheduledExecutorService daily = config.keep() == null ? null : pruning(store, config.keep());
        SidecarIdentity own = SidecarIdentity.of(ProductVersion.get(), catalog);
        Peers peers = config.peers().isEmpty()
                ? Peers.NONE
                : new SpreadPeers(
                        config.peers(),
                        own,
                        config.peerTimeout(),
                        config.limits().maxMessageBytes());
        int most = config.limits().maxSearches();
        Searches searches = new Searches(store, lane, catalog, peers, most);
        ExecutorService calls = threads("call", CALL_THREADS);
        ExecutorService computing = threads("compute", COMPUTE_THREADS);
        ThreadPoolExecutor scoring = new ThreadPoolExecutor(
                SCORE_THREADS,
                SCORE_THREADS,
                0,
                TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(WAITING_SCORES),
                named("score"));
        NoiseProviderService service = new NoiseProviderService(
                own.version(),
                catalog,
                lane,
                peers,
                searches,
                store,
                config.limits(),
                config.hostTimeout(),
                calls,
                computing,
                scoring);
        ThreadPoolExecutor helping = new ThreadPoolExecutor(
                most, most, IDLE_SECONDS, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), named("help"));
        helping.allowCoreThreadTimeOut(true);
        ScheduledThreadPoolExecutor idle = new ScheduledThreadPoolExecutor(1, named("idle"));
        idle.setRemoveOnCancelPolicy(true);
        CandidatesService candidates =
                new CandidatesService(own, catalog, lane, config.limits(), helping, idle, config.peerTimeout());
        return new Workplace(
                store,
                lane,
                peers,
                searches,
                calls,
                computing,
                scoring,
                helping,
                idle,
                daily,
                service,
                candidates,
                temporary);
    }

    /** Deletes what is old now and once a day. */
    private static ScheduledExecutorService pruning(SearchStore store, Duration keep) {
        ScheduledExecutorService daily = Executors.newSingleThreadScheduledExecutor(runnable -> {
            Thread thread = new Thread(runnable, "prenoise-prune");
            thread.setDaemon(true);
            return thread;
        });
        daily.scheduleAtFixedRate(() -> prune(store, keep), 0, 1, TimeUnit.DAYS);
        return daily;
    }

    /** Throws nothing: a task that does is never run again. */
    private static void prune(SearchStore store, Duration keep) {
        try {
            int pruned = store.prune(Instant.now().minus(keep));
            if (pruned > 0) {
                LOG.info("{} stored searches older than {} days are deleted", pruned, keep.toDays());
            }
        } catch (RuntimeException e) {
            LOG.warn("old searches are not deleted", e);
        }
    }

    private static ExecutorService threads(String name, int count) {
        return Executors.newFixedThreadPool(count, named(name));
    }

    private static ThreadFactory named(String name) {
        return runnable -> {
            Thread thread = new Thread(runnable, "prenoise-" + name);
            thread.setDaemon(true);
            return thread;
        };
    }

    @Override
    public void close() {
        if (daily != null) {
            daily.shutdownNow();
        }
        searches.close();
        peers.close();
        lane.close();
        computing.shutdown();
        scoring.shutdown();
        helping.shutdown();
        idle.shutdownNow();
        calls.shutdown();
        awaitCalls();
        store.close();
        if (temporary != null) {
            delete(temporary);
        }
    }

    /** A call that still reads the store gets to end. */
    private void awaitCalls() {
        try {
            calls.awaitTermination(1, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static SearchStore openStore(@Nullable Path folder) {
        if (folder == null) {
            throw new IllegalArgumentException("data: null (expected: a folder)");
        }
        try {
            return SearchStore.open(folder, Protos.storeCodec());
        } catch (StoreException e) {
            throw new StartException(String.valueOf(e.getMessage()), e);
        }
    }

    /** A catalog computes on its first device, so there is one lane. */
    private static String device(ModelCatalog catalog) {
        List<DeviceInfo> devices = catalog.devices();
        return devices.isEmpty() ? "none" : devices.get(0).name();
    }

    private static Path temporaryFolder() {
        try {
            return Files.createTempDirectory("prenoise-");
        } catch (IOException e) {
            throw new StartException("no temporary folder can be made (" + e.getMessage() + ")", e);
        }
    }

    private static void delete(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
            Files.delete(folder);
        } catch (IOException e) {
            // The system's own cleaning of temporary folders gets it.
        }
    }
}
