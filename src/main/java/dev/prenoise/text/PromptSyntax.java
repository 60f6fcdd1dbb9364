package dev.prenoise.text;

/** Whose language a prompt is written in. It decides what brackets mean, how a long text is cut into chunks, and what a weight does. */
public enum PromptSyntax {
    /**
     * ComfyUI's, as of {@code comfy/sd1_clip.py} in 2026: {@code (word:1.2)}, {@code (word)} = 1.1, {@code \(}. A weight moves a token's
     * embedding away from, or towards, the one that an empty prompt has in its place.
     */
    COMFYUI,
    /**
     * AUTOMATIC1111's, as of 1.10 ({@code modules/prompt_parser.py}, {@code sd_hijack_clip.py}, {@code sd_emphasis.py}): also
     * {@code [word]} = 1/1.1 and {@code BREAK}; of {@code [from:to:0.5]} and {@code [one|other]} what the first step reads. A weight multiplies
     * a token's embedding, and the chunk is scaled so that its mean stays ("Original" emphasis).
     */
    A1111,
    /** None: brackets are brackets. */
    PLAIN;

    /**
     * A prompt as a person would say it: without weights and brackets, and without the files that it names in passing.
     *
     * @param steps of the sampler
     * @throws PromptException when the prompt asks for what cannot be done here
     */
    public String words(String prompt, int steps) {
        String said = this == PLAIN ? prompt : ExtraNetworks.without(prompt);
        return WeightedText.read(said, this, steps, false).text();
    }
}
