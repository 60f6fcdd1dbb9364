/**
 * Tokenizers, the CLIP text encoder, and finding the subjects of a prompt.
 *
 * <p>Knows nothing of images.
 */
@NullMarked
package dev.prenoise.text;

import org.jspecify.annotations.NullMarked;
