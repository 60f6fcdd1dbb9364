package dev.prenoise.server.cli;

/** Ends the command with one readable line on standard error and exit code 2. */
final class CliException extends RuntimeException {
    private static final long serialVersionUID = 1;

    CliException(String message) {
        super(message);
    }

    CliException(String message, Throwable cause) {
        super(message, cause);
    }
}
