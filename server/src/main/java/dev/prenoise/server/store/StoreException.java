package dev.prenoise.server.store;

/** The store cannot be opened, read or written. The message is one readable line that names the file. */
public final class StoreException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public StoreException(String message) {
        super(message);
    }

    public StoreException(String message, Throwable cause) {
        super(message, cause);
    }
}
