package dev.prenoise.attention;

import java.util.List;
import java.util.stream.IntStream;

/**
 * Which text positions the losses look at: all but BOS and the very last one, so end-of-text and padding are among them.
 *
 * <p>Hosts that concatenate several chunks give every chunk its own BOS; each is left out. A text is taken for chunks when its length is
 * a multiple of the chunk length, and for a single one otherwise.
 */
final class TextColumns {
    /** Positions of one CLIP chunk. */
    static final int CLIP_CHUNK = 77;

    private final int chunkLength;
    private final int end;

    /**
     * @param tokens text length T of the maps, at least 3
     * @param endOfText look at positions before this one only; 0 = before the very last
     */
    TextColumns(int tokens, int chunkLength, int endOfText) {
        if (tokens < 3) {
            throw new IllegalArgumentException("tokens: " + tokens + " (expected: >= 3)");
        }
        if (endOfText != 0 && (endOfText < 2 || endOfText >= tokens)) {
            throw new IllegalArgumentException(
                    "end_of_text_index: " + endOfText + " (expected: 2 to " + (tokens - 1) + ", or 0)");
        }
        this.chunkLength = tokens % chunkLength == 0 ? chunkLength : tokens;
        this.end = endOfText == 0 ? tokens - 1 : endOfText;
    }

    static int requireChunkLength(int chunkLength) {
        if (chunkLength < 3) {
            throw new IllegalArgumentException("chunk_length: " + chunkLength + " (expected: >= 3)");
        }
        return chunkLength;
    }

    int[] positions() {
        return IntStream.range(1, end).filter(this::contains).toArray();
    }

    /**
     * The noun of each subject.
     *
     * @throws IllegalArgumentException when there is no subject, or a token index is not one of {@link #positions()}
     */
    int[] nouns(List<TokenGroup> subjects) {
        require(subjects);
        return subjects.stream().mapToInt(TokenGroup::noun).toArray();
    }

    /**
     * @throws IllegalArgumentException when there is no subject, or a token index is not one of {@link #positions()}
     */
    void require(List<TokenGroup> subjects) {
        if (subjects.isEmpty()) {
            throw new IllegalArgumentException("subjects: empty (expected: at least one)");
        }
        for (int i = 0; i < subjects.size(); i++) {
            List<Integer> indices = subjects.get(i).indices();
            for (int j = 0; j < indices.size(); j++) {
                if (!contains(indices.get(j))) {
                    throw new IllegalArgumentException("subjects[" + i + "].token_indices[" + j + "]: " + indices.get(j)
                            + " (expected: 1 to " + (end - 1)
                            + (end > chunkLength ? ", no multiple of " + chunkLength + ")" : ")"));
                }
            }
        }
    }

    private boolean contains(int position) {
        return position >= 1 && position < end && position % chunkLength != 0;
    }
}
