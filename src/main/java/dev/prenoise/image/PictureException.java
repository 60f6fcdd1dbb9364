package dev.prenoise.image;

/** Bytes are no picture that can be read; the message reads {@code what they are (expected: what)}. */
public final class PictureException extends RuntimeException {
    private static final long serialVersionUID = 1;

    PictureException(String what, String expected) {
        super(what + " (expected: " + expected + ")");
    }

    PictureException(String what, String expected, Throwable cause) {
        super(what + " (expected: " + expected + ")", cause);
    }
}
