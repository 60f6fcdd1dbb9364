package dev.prenoise.engine;

/** A loaded backbone with its text encoder and VAE. One thread at a time. */
public interface Model {
    BackboneInfo info();

    /** Largest side in pixels that a request may ask for, and the step that sides come in. */
    int maxSize();

    int sizeStep();

    /**
     * Encodes the prompt, resolves the subjects, fixes the sampling.
     *
     * @param width pixels; 0 = native
     * @param height pixels; 0 = native
     * @throws InvalidFieldException when a field cannot be used
     */
    PromptSession prepare(PromptSpec prompt, SamplingSpec sampling, int width, int height);
}
