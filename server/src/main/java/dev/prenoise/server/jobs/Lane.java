package dev.prenoise.server.jobs;

import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BooleanSupplier;

/**
 * One device's own thread. All work on models runs here, because libtorch keeps state such as the gradient mode per thread.
 *
 * <p>Whoever wants the device asks for a turn and waits; turns are taken first come, first served. A search asks for one turn for each
 * evaluation and waits for it before it asks again, so searches take turns evaluation by evaluation, however many there are.
 *
 * <p>Thread-safe.
 */
public final class Lane implements AutoCloseable {
    private final ExecutorService turns;

    /**
     * @param device names the thread
     */
    public Lane(String device) {
        turns = Executors.newSingleThreadExecutor(runnable -> {
            Thread thread = new Thread(runnable, "prenoise-lane-" + device);
            thread.setDaemon(true);
            return thread;
        });
    }

    /** Takes a turn: waits for it, runs the work on the lane's thread, and returns or throws what the work did. */
    public <T> T call(Callable<T> work) {
        return call(work, () -> false);
    }

    /** Asks for a turn and does not wait for it. What follows on the result runs on the lane's thread: let it be short. */
    public <T> CompletableFuture<T> submit(Callable<T> work) {
        CompletableFuture<T> result = new CompletableFuture<>();
        try {
            turns.execute(() -> {
                try {
                    result.complete(work.call());
                } catch (Throwable e) {
                    result.completeExceptionally(e);
                }
            });
        } catch (RejectedExecutionException e) {
            result.completeExceptionally(new ShuttingDownException());
        }
        return result;
    }

    /**
     * Takes a turn, unless it is no longer wanted when it comes.
     *
     * @throws SearchStoppedException when {@code stopped} said so, or the lane is closed
     */
    <T> T call(Callable<T> work, BooleanSupplier stopped) {
        Future<T> turn;
        try {
            turn = turns.submit(() -> {
                if (stopped.getAsBoolean()) {
                    throw new SearchStoppedException();
                }
                return work.call();
            });
        } catch (RejectedExecutionException e) {
            throw new SearchStoppedException();
        }
        return await(turn);
    }

    /** Turns already asked for still come; then the thread ends. */
    @Override
    public void close() {
        turns.shutdown();
    }

    private static <T> T await(Future<T> turn) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return turn.get();
                } catch (InterruptedException e) {
                    // The work is running on the model: nobody may go on as if it were not.
                    interrupted = true;
                }
            }
        } catch (ExecutionException e) {
            throw rethrow(e.getCause() == null ? e : e.getCause());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static RuntimeException rethrow(Throwable failure) {
        if (failure instanceof RuntimeException exception) {
            return exception;
        }
        if (failure instanceof Error error) {
            throw error;
        }
        return new IllegalStateException(failure);
    }
}
