package dev.prenoise.engine;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DeviceMemory;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The memory of one device among the models that are on it: who must leave so that another fits, what the user's limit leaves, and which
 * have been idle for too long.
 *
 * <p>Thread-safe. Models compute on the lane's thread; idle ones are unloaded on a thread of this object, which a model keeps out while it
 * computes.
 */
final class ModelMemory implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ModelMemory.class);

    private final Compute compute;
    private final long limit;
    private final Duration idle;
    private final Supplier<DeviceMemory> device;
    private final Set<Tenant> tenants = ConcurrentHashMap.newKeySet();
    private @Nullable ScheduledExecutorService timer;

    /** Whose weights are on the device. */
    interface Tenant {
        String name();

        /** Bytes of weights on the device. Callable at any time. */
        long loadedBytes();

        /** {@link System#nanoTime} of the end of the latest computation. */
        long lastUsed();

        /** Unless it computes now, takes its weights off the device; they load again when they are next read. Returns the bytes freed. */
        long unload();
    }

    ModelMemory(Compute compute, EngineOptions options) {
        this(compute, options, compute::memory);
    }

    /**
     * @param device what the device has free now
     */
    ModelMemory(Compute compute, EngineOptions options, Supplier<DeviceMemory> device) {
        this.compute = compute;
        this.limit = options.memoryLimit();
        this.idle = options.idle();
        this.device = device;
    }

    Compute compute() {
        return compute;
    }

    /** Bytes; 0 = none. */
    long limit() {
        return limit;
    }

    void add(Tenant tenant) {
        tenants.add(tenant);
        startTimer();
    }

    void remove(Tenant tenant) {
        tenants.remove(tenant);
    }

    /** Bytes of weights on the device. */
    long loadedBytes() {
        return tenants.stream().mapToLong(Tenant::loadedBytes).sum();
    }

    /** Bytes that could be had now, within the limit; {@link Long#MAX_VALUE} where neither memory nor limit is known. */
    long available() {
        return available(0);
    }

    /**
     * @param leaving bytes of the weights on the device that may go
     */
    private long available(long leaving) {
        DeviceMemory memory = device.get();
        long free = memory.known() ? memory.free() + leaving : Long.MAX_VALUE;
        return limit == 0 ? free : Math.min(free, Math.max(0, limit - loadedBytes() + leaving));
    }

    /**
     * Bytes that {@link #require} could make available: what libtorch holds of freed tensors is given back, and all weights but these may go.
     * On a CPU weights over mapped files may count twice.
     *
     * @param kept bytes of the weights on the device that stay
     */
    long obtainable(long kept) {
        compute.emptyCache();
        return available(Math.max(0, loadedBytes() - kept));
    }

    /** {@link #available} when libtorch has given back what it holds of freed tensors. */
    long reclaimed() {
        compute.emptyCache();
        return available();
    }

    /**
     * Makes room for what is about to be loaded and computed: first the asker gives up what it does not need now, then other models leave,
     * the one that was idle longest first.
     *
     * @param bytes that are needed beside what is loaded
     * @param spare frees what the asker can do without
     * @throws OutOfDeviceMemoryException when there is not enough room even then
     */
    void require(Tenant asker, long bytes, String what, Runnable spare) {
        if (available() >= bytes) {
            return;
        }
        compute.emptyCache();
        if (available() >= bytes) {
            return;
        }
        spare.run();
        compute.emptyCache();
        List<Tenant> others = tenants.stream()
                .filter(tenant -> tenant != asker && tenant.loadedBytes() > 0)
                .sorted(Comparator.comparingLong(Tenant::lastUsed))
                .toList();
        for (Tenant other : others) {
            if (available() >= bytes) {
                return;
            }
            long freed = other.unload();
            compute.emptyCache();
            LOG.info(
                    "{} leaves {} to make room: {}",
                    other.name(),
                    compute,
                    OutOfDeviceMemoryException.gigabytes(freed));
        }
        if (available() < bytes) {
            throw exhausted(what, bytes, null);
        }
    }

    OutOfDeviceMemoryException exhausted(String what, long needed, @Nullable Throwable cause) {
        DeviceMemory memory = device.get();
        return new OutOfDeviceMemoryException(what, compute.name(), needed, memory.free(), limit, cause);
    }

    /** Unloads whatever does not compute now. Returns the bytes freed. */
    long release() {
        long freed = tenants.stream().mapToLong(Tenant::unload).sum();
        compute.emptyCache();
        unmap();
        return freed;
    }

    /** On a CPU weights lie over mapped files, and only the garbage collector ends a mapping. */
    private void unmap() {
        if (compute.isCpu()) {
            System.gc();
        }
    }

    /** Unloads what has been idle for too long. */
    private void releaseIdle() {
        long now = System.nanoTime();
        for (Tenant tenant : tenants) {
            if (tenant.loadedBytes() > 0 && now - tenant.lastUsed() >= idle.toNanos()) {
                long freed = tenant.unload();
                if (freed > 0) {
                    compute.emptyCache();
                    unmap();
                    LOG.info(
                            "{} was idle for {} s and leaves {}: {}",
                            tenant.name(),
                            idle.toSeconds(),
                            compute,
                            OutOfDeviceMemoryException.gigabytes(freed));
                }
            }
        }
    }

    private synchronized void startTimer() {
        if (timer != null || idle.isZero()) {
            return;
        }
        ScheduledExecutorService started = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, "prenoise-idle-models");
            thread.setDaemon(true);
            return thread;
        });
        long period = Math.max(1, idle.toMillis() / 10);
        started.scheduleWithFixedDelay(this::releaseIdleQuietly, period, period, TimeUnit.MILLISECONDS);
        timer = started;
    }

    /** A task that throws is never run again. */
    private void releaseIdleQuietly() {
        try {
            releaseIdle();
        } catch (RuntimeException e) {
            LOG.warn("an idle model does not leave {}", compute, e);
        }
    }

    @Override
    public synchronized void close() {
        if (timer != null) {
            timer.shutdownNow();
            timer = null;
        }
    }
}
