package dev.prenoise.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * A prompt as the text encoder sees it: one chunk, or several one behind the other, each with its own beginning and end.
 *
 * @param text without the syntax of weights; spans are stretches of it
 * @param ids token ids, exactly as many as the encoder has positions, for every chunk: beginning-of-text, text, end-of-text, padding
 * @param weights of the tokens, 1 where nothing was said
 * @param chunks at least one
 * @param spans for each position the text it stands for; empty for tokens that stand for none
 * @param words every word and mark of the text, also those that were cut off
 */
public record TokenizedPrompt(
        String text,
        List<Integer> ids,
        List<Double> weights,
        List<Chunk> chunks,
        List<Span> spans,
        List<TokenizedWord> words) {
    public TokenizedPrompt {
        ids = List.copyOf(ids);
        weights = List.copyOf(weights);
        chunks = List.copyOf(chunks);
        spans = List.copyOf(spans);
        words = List.copyOf(words);
    }

    /** A single chunk without weights. */
    TokenizedPrompt(
            String text, List<Integer> ids, int bosIndex, int eosIndex, List<Span> spans, List<TokenizedWord> words) {
        this(text, ids, Collections.nCopies(ids.size(), 1.0), List.of(new Chunk(bosIndex, eosIndex)), spans, words);
    }

    /**
     * Where a chunk's text lies: behind bosIndex and before eosIndex.
     *
     * @param bosIndex position of the beginning-of-text token, counted from the first chunk's start; one before the text where there is none
     * @param eosIndex position of the first end-of-text token that closes the text
     */
    public record Chunk(int bosIndex, int eosIndex) {}

    /**
     * A word or mark, and its tokens.
     *
     * @param tokenIndices positions of its pieces, in order; without those that were cut off
     * @param truncated whether the text was too long for at least one of its pieces
     * @param known whether the vocabulary has all its pieces; a word it lacks means nothing to the model
     */
    public record TokenizedWord(Word word, List<Integer> tokenIndices, boolean truncated, boolean known) {
        public TokenizedWord {
            tokenIndices = List.copyOf(tokenIndices);
        }
    }

    public int length() {
        return ids.size();
    }

    /** The first chunk's {@link Chunk#bosIndex}: 0, or -1 where the model has no such token. */
    public int bosIndex() {
        return chunks.get(0).bosIndex();
    }

    /** The last chunk's {@link Chunk#eosIndex}. */
    public int eosIndex() {
        return chunks.get(chunks.size() - 1).eosIndex();
    }

    /** Whether the token at a position stands for text, rather than for a beginning, an end or padding. */
    public boolean isText(int position) {
        return chunks.stream().anyMatch(c -> position > c.bosIndex() && position < c.eosIndex());
    }

    /** The ids as an encoder takes them. */
    public long[] idArray() {
        return ids.stream().mapToLong(Integer::longValue).toArray();
    }

    /** One row of ids for each chunk. */
    long[][] rows() {
        int length = ids.size() / chunks.size();
        long[][] rows = new long[chunks.size()][length];
        for (int i = 0; i < ids.size(); i++) {
            rows[i / length][i % length] = ids.get(i);
        }
        return rows;
    }

    /** As {@link #rows()}, everything behind each end-of-text token being this padding. */
    long[][] rows(int padId) {
        long[][] rows = rows();
        for (int i = 0; i < rows.length; i++) {
            int padding = chunks.get(i).eosIndex() + 1 - i * rows[i].length;
            Arrays.fill(rows[i], padding, rows[i].length, padId);
        }
        return rows;
    }

    /** Whether some token weighs other than 1. */
    public boolean weighted() {
        return weights.stream().anyMatch(w -> w != 1);
    }

    /** Words that the text was too long for, whole or in part. What they say has no influence on the picture. */
    public List<Word> truncatedWords() {
        return words.stream()
                .filter(TokenizedWord::truncated)
                .map(TokenizedWord::word)
                .toList();
    }

    /** Words that the vocabulary lacks, as far as the text was read. */
    public List<Word> unknownWords() {
        return words.stream().filter(w -> !w.known()).map(TokenizedWord::word).toList();
    }

    /** The words and marks that share text with the span. */
    public List<TokenizedWord> wordsIn(Span span) {
        return words.stream().filter(w -> w.word().span().overlaps(span)).toList();
    }

    /** Positions of every token that stands for some of the span's text, in order. */
    public List<Integer> tokensIn(Span span) {
        List<Integer> tokens = new ArrayList<>();
        for (int i = 0; i < spans.size(); i++) {
            if (spans.get(i).overlaps(span)) {
                tokens.add(i);
            }
        }
        return tokens;
    }
}
