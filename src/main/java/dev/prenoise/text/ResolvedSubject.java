package dev.prenoise.text;

import java.util.List;

/**
 * A subject of a prompt, found among its tokens.
 *
 * @param text the noun as the prompt writes it
 * @param attributes the words bound to it, in the prompt's order
 * @param tokenIndices positions in the padded sequence, BOS = 0: every piece of the attributes, then every piece of the noun. A noun
 *     of several pieces is read at its last one, so the last index is the one for losses that take one token for a subject.
 */
public record ResolvedSubject(String text, List<String> attributes, List<Integer> tokenIndices) {
    public ResolvedSubject {
        attributes = List.copyOf(attributes);
        tokenIndices = List.copyOf(tokenIndices);
    }
}
