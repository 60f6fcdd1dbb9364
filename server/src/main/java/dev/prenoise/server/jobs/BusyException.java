package dev.prenoise.server.jobs;

import java.time.Duration;

/** No further work of a kind is taken now. */
public final class BusyException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final Duration retryDelay;

    private BusyException(String sentence, Duration retryDelay) {
        super(sentence + "; try again in " + retryDelay.toSeconds() + " s");
        this.retryDelay = retryDelay;
    }

    /** No further pictures are taken to be judged now. */
    public static BusyException scoring(int waiting) {
        return new BusyException(
                waiting + " calls of ScoreImages are waiting, which is as many as this sidecar takes",
                Duration.ofSeconds(5));
    }

    BusyException(int running, Duration retryDelay) {
        this(running + " searches are running, which is as many as this sidecar takes", retryDelay);
    }

    /** When the next of the running ones should be done. */
    public Duration retryDelay() {
        return retryDelay;
    }
}
