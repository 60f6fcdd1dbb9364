package dev.prenoise.text;

/** A prompt that asks for what cannot be done here. The message reads {@code value (expected: what)}. */
public final class PromptException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    PromptException(String message) {
        super(message);
    }
}
