package dev.prenoise.server.jobs;

import java.time.Duration;

/** No further search is taken now. */
public final class BusyException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final Duration retryDelay;

    BusyException(int running, Duration retryDelay) {
        super(running + " searches are running, which is as many as this sidecar takes; try again in "
                + retryDelay.toSeconds() + " s");
        this.retryDelay = retryDelay;
    }

    /** When the next of the running ones should be done. */
    public Duration retryDelay() {
        return retryDelay;
    }
}
