package dev.prenoise.engine;

import dev.prenoise.tensor.Tensor;
import dev.prenoise.text.ClipTextEncoder;
import java.util.List;

/**
 * A prompt as the network takes it.
 *
 * @param positive {@code [1, T, D]}
 * @param negative {@code [1, T, D]}
 * @param subjects with every token index filled in
 */
record EncodedPrompt(Tensor positive, Tensor negative, List<SubjectSpec> subjects) implements AutoCloseable {
    static EncodedPrompt of(PromptSpec prompt, Object tokenizer, ClipTextEncoder encoder) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
        positive.close();
        negative.close();
    }
}
