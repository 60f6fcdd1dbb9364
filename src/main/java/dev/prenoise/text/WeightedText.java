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

    static WeightedText plain(String text) {
        return new WeightedText(List.of(new Part(text, 1, false)), List.of());
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
