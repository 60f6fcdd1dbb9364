package dev.prenoise.text;

import java.util.ArrayList;
import java.util.List;

/** Cuts a long prompt into the chunks that an encoder reads one by one, as each host does. There is always at least one. */
final class Chunks {
    /** Words of fewer tokens are not divided: ComfyUI's {@code max_word_length}. Since 2025 its word is a whole weighted stretch. */
    private static final int COMFY_WORD = 8;

    /** How far back A1111 looks for a comma to divide at: its {@code comma_padding_backtrack}, unless a user has changed it. */
    private static final int A1111_BACKTRACK = 20;

    private Chunks() {}

    /**
     * @param words stretches that stay together when they are short
     * @param room tokens of a chunk
     */
    static List<List<PromptToken>> comfyUi(List<List<PromptToken>> words, int room) {
        List<List<PromptToken>> chunks = new ArrayList<>();
        List<PromptToken> chunk = next(chunks);
        for (List<PromptToken> word : words) {
            List<PromptToken> rest = word;
            while (chunk.size() + rest.size() > room) {
                // A short word that no chunk could hold is divided all the same: ComfyUI would never come to an end.
                if (word.size() >= COMFY_WORD || chunk.isEmpty()) {
                    int fits = room - chunk.size();
                    chunk.addAll(rest.subList(0, fits));
                    rest = rest.subList(fits, rest.size());
                }
                chunk = next(chunks);
            }
            chunk.addAll(rest);
        }
        return chunks;
    }

    /**
     * @param stretches a null-free list; an empty stretch that {@code ends} names ends the chunk (BREAK)
     * @param comma the token of ","; -1 where there is none
     */
    static List<List<PromptToken>> a1111(List<List<PromptToken>> stretches, List<Boolean> ends, int room, int comma) {
        List<List<PromptToken>> chunks = new ArrayList<>();
        List<PromptToken> chunk = new ArrayList<>();
        int lastComma = -1;
        for (int i = 0; i < stretches.size(); i++) {
            if (ends.get(i)) {
                chunks.add(chunk);
                chunk = new ArrayList<>();
                lastComma = -1;
                continue;
            }
            for (PromptToken token : stretches.get(i)) {
                if (token.id() == comma) {
                    lastComma = chunk.size();
                } else if (chunk.size() == room && lastComma != -1 && chunk.size() - lastComma <= A1111_BACKTRACK) {
                    List<PromptToken> moved = List.copyOf(chunk.subList(lastComma + 1, chunk.size()));
                    chunk.subList(lastComma + 1, chunk.size()).clear();
                    chunks.add(chunk);
                    chunk = new ArrayList<>(moved);
                    lastComma = -1;
                }
                if (chunk.size() == room) {
                    chunks.add(chunk);
                    chunk = new ArrayList<>();
                    lastComma = -1;
                }
                chunk.add(token);
            }
        }
        if (!chunk.isEmpty() || chunks.isEmpty()) {
            chunks.add(chunk);
        }
        return chunks;
    }

    private static List<PromptToken> next(List<List<PromptToken>> chunks) {
        List<PromptToken> chunk = new ArrayList<>();
        chunks.add(chunk);
        return chunk;
    }
}
