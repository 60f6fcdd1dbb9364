package dev.prenoise.backbone.checkpoint;

import java.nio.file.Path;

/** A file or folder that is no checkpoint this program can use. The message names it, says what it is and what was expected. */
public final class CheckpointException extends RuntimeException {
    private static final long serialVersionUID = 1;

    CheckpointException(Path file, String problem) {
        super(file + ": " + problem);
    }

    /** Of a problem that may name a file of the folder already. */
    CheckpointException(Path file, RuntimeException cause) {
        super(named(file, String.valueOf(cause.getMessage())), cause);
    }

    private static String named(Path file, String message) {
        return message.startsWith(file.toString()) ? message : file + ": " + message;
    }
}
