package dev.prenoise.engine;

import org.jspecify.annotations.Nullable;

/**
 * A LoRA file that can be asked for by name, or the reason why it cannot.
 *
 * @param name its path below its folder, with "/" between the parts
 * @param file where it was found
 * @param problem why it cannot be used; null = it can
 */
public record LoraInfo(
        String name, String file, long bytes, @Nullable String problem) {}
