/**
 * Tokenizers, the hosts' prompt languages, CLIP text encoders, and finding the subjects of a prompt.
 *
 * <p>Knows nothing of images. A prompt's way through the room: {@link dev.prenoise.text.PromptTokenizer} reads its syntax as a host does and
 * gives, by a {@link dev.prenoise.text.Tokenizer}, its token ids in chunks and where each word went; {@link dev.prenoise.text.SubjectFinder}
 * says what it wants to see, {@link dev.prenoise.text.SubjectResolver} brings the two together; {@link dev.prenoise.text.PromptEncoder} makes
 * of the tokens what a family's network is told. {@link dev.prenoise.text.TokenizerFinder} knows where hosts keep CLIP's tokenizer.
 */
@NullMarked
package dev.prenoise.text;

import org.jspecify.annotations.NullMarked;
