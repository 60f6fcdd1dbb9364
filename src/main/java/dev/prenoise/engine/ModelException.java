package dev.prenoise.engine;

/** A model's files cannot be read or do not fit together. The message names the file and, where there is one, the tensor. */
public final class ModelException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public ModelException(String message) {
        super(message);
    }

    public ModelException(String message, Throwable cause) {
        super(message, cause);
    }
}
