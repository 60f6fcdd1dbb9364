package dev.prenoise.text;

import dev.prenoise.text.TokenizedPrompt.Chunk;
import dev.prenoise.text.TokenizedPrompt.TokenizedWord;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Says where the subjects of a text stand in it, for those who tokenize it themselves. As {@link SubjectResolver} does it, on words in
 * place of a model's tokens.
 *
 * <p>Thread-safe.
 */
public final class SubjectLocator {
    private final SubjectResolver resolver = new SubjectResolver(new SubjectFinder());

    /**
     * A subject and its words.
     *
     * @param text the noun as the text writes it
     * @param attributes the words bound to it, in the text's order
     * @param words where they stand: the attributes in the text's order, then the noun
     */
    public record Located(String text, List<String> attributes, List<Span> words) {
        public Located {
            attributes = List.copyOf(attributes);
            words = List.copyOf(words);
        }
    }

    /**
     * One for each query, in the queries' order; without queries all that are found, in text order, which may be none.
     *
     * @param text without the syntax of weights
     * @param queries without token indices
     * @throws SubjectException when the text does not have a queried subject
     */
    public List<Located> locate(String text, List<SubjectQuery> queries) {
        TokenizedPrompt words = wordByWord(text);
        List<ResolvedSubject> resolved;
        try {
            resolved = resolver.resolve(words, queries);
        } catch (NoSubjectsException e) {
            return List.of();
        }
        return resolved.stream()
                .map(subject -> new Located(
                        subject.text(),
                        subject.attributes(),
                        subject.tokenIndices().stream()
                                .map(index -> words.spans().get(index))
                                .toList()))
                .toList();
    }

    /** As if every word and mark were one token, and nothing stood before the first or were cut off behind the last. */
    private static TokenizedPrompt wordByWord(String text) {
        List<TokenizedWord> words = new ArrayList<>();
        for (Word word : Word.split(text)) {
            words.add(new TokenizedWord(word, List.of(words.size()), false, true));
        }
        return new TokenizedPrompt(
                text,
                IntStream.range(0, words.size()).boxed().toList(),
                Collections.nCopies(words.size(), 1.0),
                List.of(new Chunk(-1, words.size())),
                words.stream().map(word -> word.word().span()).toList(),
                words);
    }
}
