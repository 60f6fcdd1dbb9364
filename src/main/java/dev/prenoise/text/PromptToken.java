package dev.prenoise.text;

/**
 * A token of a prompt.
 *
 * @param span what it stands for in the text
 * @param known whether the vocabulary has it
 */
record PromptToken(int id, double weight, Span span, boolean known) {
    PromptToken moved(int by, double newWeight) {
        return new PromptToken(
                id, newWeight, span.isEmpty() ? span : new Span(span.start() + by, span.end() + by), known);
    }
}
