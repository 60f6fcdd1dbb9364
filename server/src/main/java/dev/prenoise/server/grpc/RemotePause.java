package dev.prenoise.server.grpc;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Spares a server that does not answer, and those who wait for it: after some failures in a row nobody asks it for a while; then one call
 * shows whether it is back. Any number of threads.
 */
final class RemotePause {
    /** Failures in a row after which nobody asks. */
    static final int FAILURES = 3;

    /** For how long. */
    static final Duration PAUSE = Duration.ofSeconds(30);

    private final LongSupplier nanos;
    private int failures;
    private long until;

    /**
     * @param nanos as {@link System#nanoTime}
     */
    RemotePause(LongSupplier nanos) {
        this.nanos = nanos;
    }

    /** Whether it may be asked now. The one who is told so after a pause asks alone until it is known how that went. */
    synchronized boolean mayAsk() {
        if (failures < FAILURES) {
            return true;
        }
        if (nanos.getAsLong() - until < 0) {
            return false;
        }
        until = nanos.getAsLong() + PAUSE.toNanos();
        return true;
    }

    synchronized void answered() {
        failures = 0;
    }

    /** Nobody waits for the answer any longer: it is not known whether there is one, so the next may ask. */
    synchronized void abandoned() {
        until = nanos.getAsLong();
    }

    /** Returns whether this failure begins a first pause. */
    synchronized boolean failed() {
        failures++;
        until = nanos.getAsLong() + PAUSE.toNanos();
        return failures == FAILURES;
    }
}
