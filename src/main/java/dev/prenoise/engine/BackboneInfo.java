package dev.prenoise.engine;

import org.jspecify.annotations.Nullable;

/**
 * A backbone that can be asked for by id, or the reason why it cannot.
 *
 * @param family "sd1", "sd2", "sdxl", "shapes"; "" where that cannot be told
 * @param file where it was found; null when it ships inside the product
 * @param sha256 of its weights; null until known. Of a single file its own; of a folder that of the list which {@code sha256sum} prints of
 *     its weight files in order, each as it is named within the folder
 * @param nativeSize pixels of a side at which it was trained; 0 where that cannot be told
 * @param attention whether attention losses can be computed on it
 * @param bytes of its weight files
 * @param problem why it cannot be used; null = it can
 * @param prediction "eps", "v"; "" where that cannot be told
 */
public record BackboneInfo(
        String id,
        String family,
        @Nullable String file,
        @Nullable String sha256,
        boolean loaded,
        int nativeSize,
        boolean attention,
        long bytes,
        @Nullable String problem,
        String prediction) {}
