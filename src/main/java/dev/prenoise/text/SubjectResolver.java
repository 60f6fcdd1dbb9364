package dev.prenoise.text;

import dev.prenoise.text.TokenizedPrompt.TokenizedWord;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Says which tokens of a prompt name each subject: those that the caller asks for, or all that are found.
 *
 * <p>Thread-safe.
 */
public final class SubjectResolver {
    private final SubjectFinder finder;

    public SubjectResolver(SubjectFinder finder) {
        this.finder = finder;
    }

    /**
     * One subject for each query, in the queries' order. Without queries every subject that the prompt was found to have, in text order;
     * those among them that the text was too long for are left out, since the model never reads them.
     *
     * <p>A query's text is matched by whole words, whatever their case; singular and plural only match each other where the exact word is
     * missing. "red ball" and "blue ball" find their own balls; the same text twice finds two occurrences. A subject has the attributes
     * that its query names and no others.
     *
     * @throws UnknownSubjectException when the prompt does not have a queried subject, or not as often as it is queried
     * @throws NoSubjectsException when there are no queries and nothing was found
     * @throws SubjectException when token indices are no words of the prompt, or a subject's words were cut off or are unknown to the model
     */
    public List<ResolvedSubject> resolve(TokenizedPrompt prompt, List<SubjectQuery> queries) {
        if (queries.isEmpty()) {
            return resolveFound(prompt);
        }
        boolean byText = queries.stream().anyMatch(q -> q.tokenIndices().isEmpty());
        Matcher matcher = new Matcher(prompt, byText ? finder.find(prompt.text()) : List.of());
        ResolvedSubject[] resolved = new ResolvedSubject[queries.size()];
        // Those who say most choose first: "ball" takes what "red ball" leaves.
        IntStream.range(0, queries.size())
                .boxed()
                .sorted(Comparator.comparing(i -> -Asked.of(queries.get(i)).size()))
                .forEach(i -> resolved[i] = queries.get(i).tokenIndices().isEmpty()
                        ? matcher.byText(i, queries.get(i))
                        : byTokens(prompt, i, queries.get(i)));
        return List.of(resolved);
    }

    private List<ResolvedSubject> resolveFound(TokenizedPrompt prompt) {
        List<FoundSubject> found = finder.find(prompt.text());
        if (found.isEmpty()) {
            throw new NoSubjectsException(prompt.text());
        }
        List<ResolvedSubject> resolved = new ArrayList<>();
        for (FoundSubject subject : found) {
            if (!isCutOff(prompt, subject.noun())) {
                List<Word> attributes = subject.attributes().stream()
                        .filter(a -> !isCutOff(prompt, a))
                        .toList();
                resolved.add(subject(prompt, "text", subject.noun(), attributes));
            }
        }
        if (resolved.isEmpty()) {
            throw cutOff(prompt, "text", found.get(0).toString());
        }
        return List.copyOf(resolved);
    }

    private static ResolvedSubject byTokens(TokenizedPrompt prompt, int index, SubjectQuery query) {
        Set<Integer> seen = new HashSet<>();
        for (int i = 0; i < query.tokenIndices().size(); i++) {
            int token = query.tokenIndices().get(i);
            String field = "subjects[" + index + "].token_indices[" + i + "]";
            if (!prompt.isText(token)) {
                throw new SubjectException(
                        field, token + " (expected: " + textPositions(prompt) + ", a word of the prompt)");
            }
            if (!seen.add(token)) {
                throw new SubjectException(field, token + " (expected: each index once)");
            }
        }
        List<String> words = query.tokenIndices().stream()
                .flatMap(token -> prompt.wordsIn(prompt.spans().get(token)).stream())
                .map(word -> word.word().text())
                .distinct()
                .toList();
        if (!query.text().isBlank() || words.isEmpty()) {
            return new ResolvedSubject(query.text(), query.attributes(), query.tokenIndices());
        }
        int last = words.size() - 1;
        return new ResolvedSubject(words.get(last), words.subList(0, last), query.tokenIndices());
    }

    private static String textPositions(TokenizedPrompt prompt) {
        return prompt.chunks().stream()
                .map(chunk -> (chunk.bosIndex() + 1) + ".." + (chunk.eosIndex() - 1))
                .collect(Collectors.joining(" or "));
    }

    private static ResolvedSubject subject(TokenizedPrompt prompt, String field, Word noun, List<Word> attributes) {
        Set<Integer> tokens = new LinkedHashSet<>();
        for (Word attribute : attributes) {
            tokens.addAll(tokens(prompt, field, attribute));
        }
        List<Integer> last = tokens(prompt, field, noun);
        tokens.removeAll(last);
        tokens.addAll(last);
        return new ResolvedSubject(
                noun.text(), attributes.stream().map(Word::text).toList(), List.copyOf(tokens));
    }

    private static List<Integer> tokens(TokenizedPrompt prompt, String field, Word word) {
        if (isCutOff(prompt, word)) {
            throw cutOff(prompt, field, word.text());
        }
        List<TokenizedWord> words = prompt.wordsIn(word.span());
        if (words.stream().anyMatch(w -> !w.known())) {
            throw new SubjectException(
                    field, "\"" + word.text() + "\" (expected: words that the model's vocabulary has)");
        }
        return words.stream().flatMap(w -> w.tokenIndices().stream()).toList();
    }

    private static boolean isCutOff(TokenizedPrompt prompt, Word word) {
        return prompt.wordsIn(word.span()).stream().anyMatch(TokenizedWord::truncated);
    }

    private static SubjectException cutOff(TokenizedPrompt prompt, String field, String what) {
        int room = prompt.eosIndex() - prompt.bosIndex() - 1;
        return new SubjectException(
                field,
                "\"" + what + "\" (expected: within the " + room + " tokens that the model reads; it was cut off)");
    }

    /** A query's words, lower case. */
    private record Asked(String noun, List<String> before, List<String> attributes) {
        static Asked of(SubjectQuery query) {
            List<String> text = words(query.text());
            List<String> attributes =
                    query.attributes().stream().flatMap(a -> words(a).stream()).toList();
            return text.isEmpty()
                    ? new Asked("", List.of(), attributes)
                    : new Asked(text.get(text.size() - 1), text.subList(0, text.size() - 1), attributes);
        }

        int size() {
            return before.size() + attributes.size();
        }

        private static List<String> words(String text) {
            Set<String> articles = Set.of("a", "an", "the");
            return Word.split(text).stream()
                    .filter(Word::isWord)
                    .map(Word::lower)
                    .filter(w -> !articles.contains(w))
                    .toList();
        }
    }

    /** Finds queried words in one prompt; remembers which nouns are taken. */
    private static final class Matcher {
        private final TokenizedPrompt prompt;
        private final List<FoundSubject> found;
        private final List<Word> words;
        private final Set<Word> taken = new HashSet<>();

        Matcher(TokenizedPrompt prompt, List<FoundSubject> found) {
            this.prompt = prompt;
            this.found = found;
            this.words = prompt.words().stream()
                    .map(TokenizedWord::word)
                    .filter(Word::isWord)
                    .toList();
        }

        ResolvedSubject byText(int index, SubjectQuery query) {
            Asked asked = Asked.of(query);
            String field = "subjects[" + index + "].text";
            if (asked.noun().isEmpty()) {
                throw new SubjectException(field, "\"" + query.text() + "\" (expected: a noun of the prompt)");
            }
            Match best = candidates(asked.noun()).stream()
                    .map(noun -> match(noun, asked))
                    .filter(Objects::nonNull)
                    .max(Comparator.comparingInt(Match::certainty).thenComparing(m -> -start(m.noun())))
                    .orElseThrow(() -> new UnknownSubjectException(
                            index,
                            String.join(" ", query.attributes())
                                    + (query.attributes().isEmpty() ? "" : " ")
                                    + query.text(),
                            found.stream().map(FoundSubject::toString).toList()));
            taken.add(best.noun());
            return subject(prompt, field, best.noun(), best.attributes());
        }

        private List<Word> candidates(String noun) {
            List<Word> free = words.stream().filter(w -> !taken.contains(w)).toList();
            List<Word> exact = free.stream().filter(w -> w.lower().equals(noun)).toList();
            return exact.isEmpty()
                    ? free.stream().filter(w -> Plurals.same(w.lower(), noun)).toList()
                    : exact;
        }

        /** The noun with every word asked for, or null where one is missing or belongs to another subject. */
        private @Nullable Match match(Word noun, Asked asked) {
            FoundSubject subject = found.stream()
                    .filter(f -> f.noun().span().equals(noun.span()))
                    .findFirst()
                    .orElse(null);
            List<Word> attributes = new ArrayList<>();
            int certainty = subject == null ? 0 : 1;
            for (int i = 0; i < asked.before().size(); i++) {
                String word = asked.before().get(i);
                Word bound = bound(subject, word);
                Word attribute =
                        bound == null ? inFront(noun, word, asked.before().size() - i) : bound;
                attribute = attribute == null ? nearest(noun, word, false) : attribute;
                if (attribute == null) {
                    return null;
                }
                certainty += bound == null ? 0 : 2;
                attributes.add(attribute);
            }
            for (String word : asked.attributes()) {
                Word bound = bound(subject, word);
                Word attribute = bound == null ? nearest(noun, word, false) : bound;
                // The caller binds it: where the tagger bound it elsewhere, the caller knows better.
                attribute = attribute == null ? nearest(noun, word, true) : attribute;
                if (attribute == null) {
                    return null;
                }
                certainty += bound == null ? 0 : 2;
                attributes.add(attribute);
            }
            attributes.sort(Comparator.comparingInt(Matcher::start));
            return new Match(noun, attributes.stream().distinct().toList(), certainty);
        }

        private static @Nullable Word bound(@Nullable FoundSubject subject, String word) {
            return subject == null
                    ? null
                    : subject.attributes().stream()
                            .filter(a -> a.lower().equals(word))
                            .findFirst()
                            .orElse(null);
        }

        private @Nullable Word inFront(Word noun, String word, int distance) {
            int at = words.indexOf(noun) - distance;
            return at >= 0 && words.get(at).lower().equals(word) ? words.get(at) : null;
        }

        private @Nullable Word nearest(Word noun, String word, boolean evenIfBound) {
            return words.stream()
                    .filter(w -> w.lower().equals(word) && !w.equals(noun))
                    .filter(w -> evenIfBound || !belongs(w))
                    .min(Comparator.comparingInt(w -> Math.abs(start(w) - start(noun))))
                    .orElse(null);
        }

        private boolean belongs(Word word) {
            return found.stream()
                    .anyMatch(f -> f.noun().equals(word) || f.attributes().contains(word));
        }

        private static int start(Word word) {
            return word.span().start();
        }
    }

    private record Match(Word noun, List<Word> attributes, int certainty) {}
}
