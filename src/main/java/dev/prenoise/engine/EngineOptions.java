package dev.prenoise.engine;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * What a user may set about how models are held and computed.
 *
 * @param device "auto", "cpu", "cuda", "cuda:1", "mps"
 * @param memoryLimit bytes that models and what they compute with may take of the device together; 0 = what is free
 * @param idle after this long without computing a model's weights leave the device; zero = never
 * @param tokenizers folders of tokenizer files, of a model or of a host, for models that bring none; empty = looked for where hosts keep them
 */
public record EngineOptions(
        String device, long memoryLimit, Duration idle, Precision precision, List<Path> tokenizers) {
    /** Five minutes: between two pictures of a user at work they stay. */
    public static final Duration DEFAULT_IDLE = Duration.ofMinutes(5);

    public EngineOptions {
        tokenizers = List.copyOf(tokenizers);
        if (memoryLimit < 0) {
            throw new IllegalArgumentException("memory limit: " + memoryLimit + " (expected: >= 0 bytes)");
        }
        if (idle.isNegative()) {
            throw new IllegalArgumentException("idle time: " + idle + " (expected: zero or more)");
        }
    }

    public EngineOptions withPrecision(Precision precision) {
        return new EngineOptions(device, memoryLimit, idle, precision, tokenizers);
    }

    /** The defaults on a device. */
    public static EngineOptions of(String device) {
        return new EngineOptions(device, 0, DEFAULT_IDLE, Precision.AUTO, List.of());
    }
}
