package dev.prenoise.server.ops;

/** The sidecar cannot start. The message is one line that a user can act on. */
public final class StartException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public StartException(String message) {
        super(message);
    }

    public StartException(String message, Throwable cause) {
        super(message, cause);
    }
}
