package dev.prenoise.server.cli;

import java.io.PrintStream;

/**
 * Where the command line writes: results to {@code out}, everything else to {@code err}.
 *
 * @param terminal whether {@code err} is a terminal, on which a line may be drawn again
 */
record Console(PrintStream out, PrintStream err, boolean terminal) {
    /** This process's. Java 17 cannot tell whether standard error is a terminal; the launcher can. */
    static Console ofProcess() {
        return new Console(System.out, System.err, Boolean.getBoolean("prenoise.terminal"));
    }

    /** One line that says what went wrong. */
    void error(String message) {
        err.println("prenoise: " + message);
    }
}
