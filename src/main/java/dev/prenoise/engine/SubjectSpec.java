package dev.prenoise.engine;

import java.util.List;

/**
 * A subject as asked for (some fields empty) or as resolved (all filled in).
 *
 * @param text the noun or phrase, such as "cat" or "red apple"
 * @param attributes words bound to it, such as "red"
 * @param tokenIndices positions in the padded sequence, BOS = 0; attributes first, the noun's last piece last
 */
public record SubjectSpec(String text, List<String> attributes, List<Integer> tokenIndices) {
    public SubjectSpec {
        attributes = List.copyOf(attributes);
        tokenIndices = List.copyOf(tokenIndices);
    }
}
