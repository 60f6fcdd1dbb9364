package dev.prenoise.text;

/** A tokenizer's files cannot be read or do not make a tokenizer. The message names the file. */
public final class TokenizerException extends RuntimeException {
    private static final long serialVersionUID = 1;

    TokenizerException(String message) {
        super(message);
    }

    TokenizerException(String message, Throwable cause) {
        super(message, cause);
    }
}
