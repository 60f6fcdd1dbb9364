package dev.prenoise.backbone.lora;

import java.nio.file.Path;

/** A LoRA file that cannot be used. The message names the file and, where there is one, the key. */
public final class LoraException extends RuntimeException {
    private static final long serialVersionUID = 1;

    LoraException(Path file, String problem) {
        super(file + ": " + problem);
    }

    LoraException(String message, Throwable cause) {
        super(message, cause);
    }
}
