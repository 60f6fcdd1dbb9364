package dev.prenoise.study;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Searches that run side by side, so that what they ask for is computed together: two neighbours of one and four of another fill batches
 * that each alone would leave half empty. Everyone has a thread; when all of them wait, the last one to come computes for all. So nothing is
 * ever computed by two threads at once.
 */
final class SideBySide {
    private int running;
    private final List<Request<?, ?>> waiting = new ArrayList<>();

    /** What one search waits for. */
    private static final class Request<P, R> {
        private final Object kind;
        private final List<P> points;
        private final Function<List<P>, List<R>> work;
        private @Nullable List<R> results;
        private @Nullable Throwable failure;

        Request(Object kind, List<P> points, Function<List<P>, List<R>> work) {
            this.kind = kind;
            this.points = points;
            this.work = work;
        }

        boolean answered() {
            return results != null || failure != null;
        }
    }

    /** Runs them all; their results in order. Each may ask only of this object what is computed. */
    <T> List<T> run(List<Supplier<T>> searches) {
        ExecutorService threads = Executors.newFixedThreadPool(Math.max(1, searches.size()));
        synchronized (this) {
            running = searches.size();
        }
        try {
            List<Future<T>> futures = new ArrayList<>();
            for (Supplier<T> search : searches) {
                futures.add(threads.submit(() -> {
                    try {
                        return search.get();
                    } finally {
                        leave();
                    }
                }));
            }
            List<T> results = new ArrayList<>();
            for (Future<T> future : futures) {
                results.add(future.get());
            }
            return results;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        } catch (ExecutionException e) {
            throw thrown(e.getCause());
        } finally {
            threads.shutdownNow();
        }
    }

    /**
     * Waits until all searches wait, then for the results.
     *
     * @param kind requests of the same are computed in one call, by the work of one of them
     * @param work one result for each point, in order
     */
    synchronized <P, R> List<R> ask(Object kind, List<P> points, Function<List<P>, List<R>> work) {
        Request<P, R> request = new Request<>(kind, points, work);
        waiting.add(request);
        computeIfAllWait();
        while (!request.answered()) {
            try {
                wait();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted", e);
            }
        }
        if (request.failure != null) {
            throw thrown(request.failure);
        }
        return request.results == null ? List.of() : request.results;
    }

    private static RuntimeException thrown(@Nullable Throwable failure) {
        if (failure instanceof Error error) {
            throw error;
        }
        return failure instanceof RuntimeException exception ? exception : new IllegalStateException(failure);
    }

    private synchronized void leave() {
        running--;
        computeIfAllWait();
    }

    private void computeIfAllWait() {
        if (waiting.isEmpty() || waiting.size() < running) {
            return;
        }
        Map<Object, List<Request<?, ?>>> kinds = new LinkedHashMap<>();
        waiting.forEach(request ->
                kinds.computeIfAbsent(request.kind, kind -> new ArrayList<>()).add(request));
        waiting.clear();
        kinds.values().forEach(SideBySide::compute);
        notifyAll();
    }

    /** Requests of one kind have points and results of one type. */
    @SuppressWarnings("unchecked")
    private static <P, R> void compute(List<Request<?, ?>> same) {
        List<Request<P, R>> requests = new ArrayList<>();
        List<P> points = new ArrayList<>();
        for (Request<?, ?> request : same) {
            requests.add((Request<P, R>) request);
            points.addAll(((Request<P, R>) request).points);
        }
        try {
            List<R> results = requests.get(0).work.apply(points);
            int from = 0;
            for (Request<P, R> request : requests) {
                request.results = List.copyOf(results.subList(from, from + request.points.size()));
                from += request.points.size();
            }
        } catch (RuntimeException | Error e) {
            // an error too: those who wait on other threads would wait for ever
            requests.forEach(request -> request.failure = e);
        }
    }
}
