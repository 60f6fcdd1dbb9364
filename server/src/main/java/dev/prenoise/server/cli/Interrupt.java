package dev.prenoise.server.cli;

import io.grpc.Context;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Ctrl-C or SIGTERM while a search runs: cancels its call, waits until the command has said what it found, and lets the process end with
 * the signal's own exit code (130 for Ctrl-C). Thread-safe.
 */
final class Interrupt implements AutoCloseable {
    private static final long PATIENCE_SECONDS = 5;

    private final Context.CancellableContext context = Context.current().withCancellation();
    private final CountDownLatch finished = new CountDownLatch(1);
    private final Thread hook = new Thread(this::fire, "interrupt");
    private volatile boolean fired;

    private Interrupt() {}

    static Interrupt install() {
        Interrupt interrupt = new Interrupt();
        Runtime.getRuntime().addShutdownHook(interrupt.hook);
        return interrupt;
    }

    /** Calls made in it are cancelled when the process is asked to end. */
    Context context() {
        return context;
    }

    boolean fired() {
        return fired;
    }

    /** Cancels, then waits for {@link #close}. */
    void fire() {
        fired = true;
        context.cancel(null);
        try {
            finished.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        finished.countDown();
        context.cancel(null);
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The process is ending: the hook has run.
        }
    }
}
