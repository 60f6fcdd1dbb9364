package dev.prenoise.text;

import java.util.ArrayList;
import java.util.List;

/**
 * A prompt as the text encoder sees it.
 *
 * @param ids token ids, exactly as many as the encoder has positions: beginning-of-text, the text, end-of-text, padding
 * @param bosIndex position of the beginning-of-text token; -1 where the model has none
 * @param eosIndex position of the first end-of-text token that closes the text
 * @param spans for each position the text it stands for; empty for tokens that stand for none
 * @param words every word and mark of the text, also those that were cut off
 */
public record TokenizedPrompt(
        String text, List<Integer> ids, int bosIndex, int eosIndex, List<Span> spans, List<TokenizedWord> words) {
    public TokenizedPrompt {
        ids = List.copyOf(ids);
        spans = List.copyOf(spans);
        words = List.copyOf(words);
    }

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

    /** The ids as an encoder takes them. */
    public long[] idArray() {
        return ids.stream().mapToLong(Integer::longValue).toArray();
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
