package dev.prenoise.tensor;

import java.nio.file.Path;

/** A safetensors file that cannot be read. The message names the file and, where there is one, the tensor. */
public final class SafetensorsException extends RuntimeException {
    private static final long serialVersionUID = 1;

    SafetensorsException(Path file, String problem) {
        super(file + ": " + problem);
    }

    SafetensorsException(Path file, String problem, Throwable cause) {
        super(file + ": " + problem, cause);
    }
}
