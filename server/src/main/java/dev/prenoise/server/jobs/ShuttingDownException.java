package dev.prenoise.server.jobs;

/** The sidecar is about to stop and takes nothing new. */
public final class ShuttingDownException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public ShuttingDownException() {
        super("the sidecar is shutting down");
    }
}
