package dev.prenoise.attention;

import java.util.List;

/**
 * One subject as the losses see it: the positions of its tokens in the padded sequence, BOS = 0, attributes first and the noun last.
 * CONFORM reads the whole group, the other losses its last index.
 */
public record TokenGroup(List<Integer> indices) {
    /**
     * @throws IllegalArgumentException when empty
     */
    public TokenGroup {
        indices = List.copyOf(indices);
        if (indices.isEmpty()) {
            throw new IllegalArgumentException("indices: empty (expected: at least one token index)");
        }
    }

    public static TokenGroup of(Integer... indices) {
        return new TokenGroup(List.of(indices));
    }

    public int noun() {
        return indices.get(indices.size() - 1);
    }
}
