package dev.prenoise.verifier;

/** A verifier cannot be used; says why, and names the file or the field. */
public final class VerifierException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public VerifierException(String message) {
        super(message);
    }

    public VerifierException(String message, Throwable cause) {
        super(message, cause);
    }
}
