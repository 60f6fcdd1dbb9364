package dev.prenoise.verifier;

import dev.prenoise.image.Picture;
import org.jspecify.annotations.Nullable;

/**
 * What is judged.
 *
 * @param picture the finished picture
 * @param prediction the picture as it was predicted at a low noise level on the way; null where nobody asked for it
 */
public record Shot(Picture picture, @Nullable Picture prediction) {}
