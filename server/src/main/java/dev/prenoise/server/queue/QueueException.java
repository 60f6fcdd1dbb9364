package dev.prenoise.server.queue;

/** The queue's server cannot be used. The message is one line that a user can act on. */
public final class QueueException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public QueueException(String message) {
        super(message);
    }

    public QueueException(String message, Throwable cause) {
        super(message, cause);
    }
}
