package dev.prenoise.text;

import java.util.List;

/**
 * A subject as a caller names it: by words, or by token indices.
 *
 * @param text a noun with or without its attributes, such as "cat" or "red apple"; may be empty when indices are given
 * @param attributes further words bound to it, such as "red"
 * @param tokenIndices empty, or positions in the padded sequence (BOS = 0), the noun's last: these then say it all
 */
public record SubjectQuery(String text, List<String> attributes, List<Integer> tokenIndices) {
    public SubjectQuery {
        attributes = List.copyOf(attributes);
        tokenIndices = List.copyOf(tokenIndices);
    }

    public static SubjectQuery ofText(String text, String... attributes) {
        return new SubjectQuery(text, List.of(attributes), List.of());
    }

    public static SubjectQuery ofTokens(Integer... indices) {
        return new SubjectQuery("", List.of(), List.of(indices));
    }
}
