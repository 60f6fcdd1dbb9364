package dev.prenoise.text;

/** A prompt in which no subject was found, and the caller named none. */
public final class NoSubjectsException extends SubjectException {
    private static final long serialVersionUID = 1;

    NoSubjectsException(String prompt) {
        super(
                "text",
                "\"" + prompt + "\" (expected: a prompt that names a thing to show, or subjects named by the caller)");
    }
}
