/**
 * Tokenizers, the CLIP text encoder, and finding the subjects of a prompt.
 *
 * <p>Knows nothing of images. A prompt's way through the room: {@link dev.prenoise.text.Tokenizer} gives its token ids and where each word
 * went, {@link dev.prenoise.text.SubjectFinder} what it wants to see, {@link dev.prenoise.text.SubjectResolver} brings the two together.
 */
@NullMarked
package dev.prenoise.text;

import org.jspecify.annotations.NullMarked;
