package dev.prenoise.engine;

import java.util.List;

/** An opened backbone with what its files hold besides: text encoders, VAE, tokenizer. One thread at a time. */
public interface Model {
    BackboneInfo info();

    /** Largest side in pixels that a request may ask for, and the step that sides come in. */
    int maxSize();

    int sizeStep();

    /**
     * Encodes the prompt, resolves the subjects, fixes the sampling. What the prompt does not need is neither asked for nor loaded.
     *
     * @param loras merged whenever this session computes, in this order; empty = the model as it is
     * @param width pixels; 0 = native
     * @param height pixels; 0 = native
     * @throws InvalidFieldException when a field cannot be used
     */
    PromptSession prepare(PromptSpec prompt, SamplingSpec sampling, List<LoraSpec> loras, int width, int height);

    /**
     * @param width pixels; 0 = native
     * @param height pixels; 0 = native
     * @throws InvalidFieldException when the model cannot draw that size
     */
    MemoryNeeds memoryNeeds(int width, int height);

    /** The model as it is, without LoRA. */
    default PromptSession prepare(PromptSpec prompt, SamplingSpec sampling, int width, int height) {
        return prepare(prompt, sampling, List.of(), width, height);
    }
}
