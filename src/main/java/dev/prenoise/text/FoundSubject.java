package dev.prenoise.text;

import java.util.List;
import java.util.stream.Collectors;

/**
 * Something the prompt wants to see, as it stands in the prompt's text.
 *
 * @param noun the head noun: the last word of a compound ({@code truck} of "fire truck")
 * @param attributes adjectives, colours, participles and noun modifiers bound to it ({@code red}, {@code fire}), in text order
 */
public record FoundSubject(Word noun, List<Word> attributes) {
    public FoundSubject {
        attributes = List.copyOf(attributes);
    }

    public String text() {
        return noun.text();
    }

    /** As messages show it: attributes, then the noun. */
    @Override
    public String toString() {
        return attributes.isEmpty()
                ? noun.text()
                : attributes.stream().map(Word::text).collect(Collectors.joining(" ")) + " " + noun.text();
    }
}
