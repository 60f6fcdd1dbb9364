package dev.prenoise.text;

import java.util.List;

/**
 * A prompt that is ready for its encoder.
 *
 * @param tokens its text, without the syntax, and its tokens, each with its weight
 * @param zeros whether it is encoded as zeros rather than read: A1111 does so with SDXL's negative prompt when it is empty
 * @param warnings what is read otherwise than a user may expect; empty when nothing is
 */
public record PreparedPrompt(TokenizedPrompt tokens, PromptOptions options, boolean zeros, List<String> warnings) {
    public PreparedPrompt {
        warnings = List.copyOf(warnings);
    }
}
