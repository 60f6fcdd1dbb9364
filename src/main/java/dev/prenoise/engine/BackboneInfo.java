package dev.prenoise.engine;

import org.jspecify.annotations.Nullable;

/**
 * A backbone that can be asked for by id.
 *
 * @param family "sd1", "sd2", "sdxl", "shapes"
 * @param file where it was found; null when it ships inside the product
 * @param sha256 of its weights; null until known
 * @param nativeSize pixels of a side at which it was trained
 * @param attention whether attention losses can be computed on it
 */
public record BackboneInfo(
        String id,
        String family,
        @Nullable String file,
        @Nullable String sha256,
        boolean loaded,
        int nativeSize,
        boolean attention) {}
