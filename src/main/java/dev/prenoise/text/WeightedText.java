package dev.prenoise.text;

import java.util.ArrayList;
import java.util.List;

/**
 * A prompt whose syntax has been read: the stretches of text that are tokenized one by one, each with its weight.
 *
 * @param warnings about what is read otherwise than a user may expect
 */
record WeightedText(List<Part> parts, List<String> warnings) {
    WeightedText {
        parts = List.copyOf(parts);
        warnings = List.copyOf(warnings);
    }

    /**
     * @param steps of the sampler
     * @param negative A1111 reads some things in prompts alone
     * @throws PromptException when the prompt asks for what cannot be done here
     */
    static WeightedText read(String text, PromptSyntax syntax, int steps, boolean negative) {
        return switch (syntax) {
            case COMFYUI -> ComfyPrompt.read(text);
            case A1111 -> A1111Prompt.read(text, steps, negative);
            case PLAIN -> new WeightedText(List.of(new Part(text, 1, false)), List.of());
        };
    }

    /**
     * @param endsChunk the text goes on in a new chunk; then this part has no text of its own
     */
    record Part(String text, double weight, boolean endsChunk) {}

    /** The text without its syntax. A new line stands where a chunk ends. */
    String text() {
        StringBuilder text = new StringBuilder();
        starts(text);
        return text.toString();
    }

    /** Where each part starts in {@link #text()}. */
    List<Integer> starts() {
        return starts(new StringBuilder());
    }

    private List<Integer> starts(StringBuilder text) {
        List<Integer> starts = new ArrayList<>();
        for (Part part : parts) {
            starts.add(text.length());
            text.append(part.endsChunk() ? "\n" : part.text());
        }
        return starts;
    }
}
