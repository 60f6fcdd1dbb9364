package dev.prenoise.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SubjectResolverTest {
    private static final SubjectResolver RESOLVER = new SubjectResolver(new SubjectFinder());
    private static final Tokenizer SHAPES = TestTokenizers.shapes();
    private static final Tokenizer CLIP = TestTokenizers.load("clip-tiny");

    @AfterAll
    static void close() {
        SHAPES.close();
        CLIP.close();
    }

    @Test
    void resolve_noQueries_findsSubjectsWithAttributesFirst() {
        assertThat(RESOLVER.resolve(SHAPES.encodePrompt("a red circle and a blue square"), List.of()))
                .containsExactly(
                        new ResolvedSubject("circle", List.of("red"), List.of(2, 3)),
                        new ResolvedSubject("square", List.of("blue"), List.of(6, 7)));
        assertThat(RESOLVER.resolve(SHAPES.encodePrompt("two stars"), List.of()))
                .containsExactly(new ResolvedSubject("stars", List.of(), List.of(2)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"animal_animal", "animal_object", "object_object", "similar_subjects"})
    void resolve_publishedPromptsWithOneTokenAWord_equalsThePublishedGroups(String name) {
        for (PromptSet.Prompt prompt : PromptSets.get(name).prompts()) {
            assertThat(RESOLVER.resolve(wordTokens(prompt.text()), List.of()))
                    .as(prompt.text())
                    .extracting(ResolvedSubject::tokenIndices)
                    .isEqualTo(prompt.groups());
        }
    }

    @Test
    void resolve_wordsOfSeveralPieces_allPiecesAndTheNounsLastOneLast() {
        TokenizedPrompt prompt = CLIP.encode("an old fisherman wearing a yellow raincoat", 64, 0);
        List<ResolvedSubject> subjects = RESOLVER.resolve(prompt, List.of());

        // an old fis-h-er-man w-ea-r-in-g a yello-w ra-in-coat
        assertThat(subjects)
                .containsExactly(
                        new ResolvedSubject("fisherman", List.of("old"), List.of(2, 3, 4, 5, 6)),
                        new ResolvedSubject("raincoat", List.of("yellow"), List.of(13, 14, 15, 16, 17)));
        assertThat(prompt.spans().get(17).of(prompt.text())).isEqualTo("coat");
    }

    @Test
    void resolve_attributeAfterTheNoun_stillComesFirst() {
        assertThat(RESOLVER.resolve(wordTokens("the apple is red"), List.of()))
                .containsExactly(new ResolvedSubject("apple", List.of("red"), List.of(4, 2)));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "a cat and a frog                | frog            | 5",
                "a cat and a frog                | Cat             | 2",
                "a CAT and a frog                | the cat         | 2",
                "a red apple and two green pears | red apple       | 2,3",
                "a red apple and two green pears | pear            | 7",
                "a red apple and two green pears | green pear      | 6,7",
                "a red apple and two green pears | apple           | 3",
                "a red ball and a blue ball      | blue ball       | 6,7",
                "an orange chair and an orange   | orange          | 6",
                "a bus and two buses             | buses           | 5",
                "a woman and two women           | women           | 5",
                "a mouse beside a goose          | geese           | 5",
                "a red fire truck                | fire truck      | 3,4",
                "a big red fire truck            | red truck       | 3,5",
                "an apple , red                  | red apple       | 4,2",
                "a cat in the sky                | sky             | 5",
            })
    void resolve_byText_findsTheOccurrence(String prompt, String text, String indices) {
        List<ResolvedSubject> subjects = RESOLVER.resolve(wordTokens(prompt), List.of(SubjectQuery.ofText(text)));

        assertThat(subjects).hasSize(1);
        assertThat(subjects.get(0).tokenIndices())
                .isEqualTo(
                        Arrays.stream(indices.split(",")).map(Integer::valueOf).toList());
    }

    @Test
    void resolve_sameNounTwice_eachItsOwnOccurrence() {
        TokenizedPrompt prompt = wordTokens("a red ball and a blue ball");

        assertThat(RESOLVER.resolve(prompt, List.of(SubjectQuery.ofText("blue ball"), SubjectQuery.ofText("red ball"))))
                .extracting(ResolvedSubject::tokenIndices)
                .containsExactly(List.of(6, 7), List.of(2, 3));
        assertThat(RESOLVER.resolve(prompt, List.of(SubjectQuery.ofText("ball"), SubjectQuery.ofText("ball"))))
                .extracting(ResolvedSubject::tokenIndices)
                .containsExactly(List.of(3), List.of(7));
        assertThat(RESOLVER.resolve(prompt, List.of(SubjectQuery.ofText("ball"), SubjectQuery.ofText("red ball"))))
                .as("the vaguer one takes what is left")
                .extracting(ResolvedSubject::tokenIndices)
                .containsExactly(List.of(7), List.of(2, 3));
        assertThat(RESOLVER.resolve(prompt, List.of()))
                .extracting(ResolvedSubject::tokenIndices)
                .containsExactly(List.of(2, 3), List.of(6, 7));
    }

    @Test
    void resolve_attributesOfTheCaller_areBoundAsAsked() {
        TokenizedPrompt prompt = wordTokens("a red ball and a blue ball");
        assertThat(RESOLVER.resolve(prompt, List.of(SubjectQuery.ofText("ball", "Blue"))))
                .containsExactly(new ResolvedSubject("ball", List.of("blue"), List.of(6, 7)));

        TokenizedPrompt mixed = wordTokens("a red apple and a blue car");
        assertThat(RESOLVER.resolve(mixed, List.of(SubjectQuery.ofText("apple", "blue"))))
                .as("the caller binds a word that stands at another subject")
                .containsExactly(new ResolvedSubject("apple", List.of("blue"), List.of(6, 3)));
    }

    @Test
    void resolve_subjectNotInPrompt_listsWhatWasFound() {
        TokenizedPrompt prompt = wordTokens("a red apple and a cat");
        UnknownSubjectException e = catchThrowableOfType(
                UnknownSubjectException.class,
                () -> RESOLVER.resolve(prompt, List.of(SubjectQuery.ofText("cat"), SubjectQuery.ofText("dog"))));

        assertThat(e.index()).isEqualTo(1);
        assertThat(e.subject()).isEqualTo("dog");
        assertThat(e.found()).containsExactly("red apple", "cat");
        assertThat(e.field()).isEqualTo("subjects[1].text");
        assertThat(e)
                .hasMessage(
                        "subjects[1].text: \"dog\" (expected: a subject of the prompt, each once; found: red apple, cat)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"blue apple", "green apple", "catfish", "appl", "red cat"})
    void resolve_wordsThatDoNotBelongTogether_areUnknown(String text) {
        TokenizedPrompt prompt = wordTokens("a red apple and a blue cat");

        assertThatThrownBy(() -> RESOLVER.resolve(prompt, List.of(SubjectQuery.ofText(text))))
                .isInstanceOf(UnknownSubjectException.class)
                .hasMessageContaining("\"" + text + "\"");
    }

    @Test
    void resolve_moreOftenThanThere_isUnknown() {
        assertThatThrownBy(() -> RESOLVER.resolve(
                        wordTokens("a cat and a frog"),
                        List.of(SubjectQuery.ofText("cat"), SubjectQuery.ofText("cat"))))
                .isInstanceOf(UnknownSubjectException.class)
                .hasMessageStartingWith("subjects[1].text: \"cat\" (expected: a subject of the prompt, each once");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "  ", "the", "?!"})
    void resolve_queryWithoutWord_isRefused(String text) {
        assertThatThrownBy(() -> RESOLVER.resolve(wordTokens("a cat"), List.of(SubjectQuery.ofText(text))))
                .isInstanceOf(SubjectException.class)
                .hasMessage("subjects[0].text: \"" + text + "\" (expected: a noun of the prompt)");
    }

    @Test
    void resolve_promptThatShowsNothing_saysSo() {
        assertThatThrownBy(() -> RESOLVER.resolve(wordTokens("masterpiece , best quality"), List.of()))
                .isInstanceOf(NoSubjectsException.class)
                .hasMessageStartingWith("text: \"masterpiece , best quality\" (expected: a prompt that names a thing");
    }

    @Test
    void resolve_tokenIndices_areTakenAsGiven() {
        TokenizedPrompt prompt = wordTokens("a red apple and a cat");

        assertThat(RESOLVER.resolve(prompt, List.of(SubjectQuery.ofTokens(2, 3), SubjectQuery.ofTokens(6))))
                .containsExactly(
                        new ResolvedSubject("apple", List.of("red"), List.of(2, 3)),
                        new ResolvedSubject("cat", List.of(), List.of(6)));
        assertThat(RESOLVER.resolve(prompt, List.of(new SubjectQuery("thing", List.of("odd"), List.of(4)))))
                .containsExactly(new ResolvedSubject("thing", List.of("odd"), List.of(4)));
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 0, 7, 8, 76, 77})
    void resolve_tokenIndexOutsideTheWords_isRefused(int index) {
        assertThatThrownBy(() ->
                        RESOLVER.resolve(wordTokens("a red apple and a cat"), List.of(SubjectQuery.ofTokens(3, index))))
                .isInstanceOf(SubjectException.class)
                .hasMessage("subjects[0].token_indices[1]: " + index + " (expected: 1..6, a word of the prompt)");
    }

    @Test
    void resolve_tokenIndexTwice_isRefused() {
        assertThatThrownBy(() -> RESOLVER.resolve(wordTokens("a red apple"), List.of(SubjectQuery.ofTokens(2, 3, 2))))
                .hasMessage("subjects[0].token_indices[2]: 2 (expected: each index once)");
    }

    @Test
    void resolve_subjectCutOff_isAnErrorWhenAskedForAndLeftOutWhenNot() {
        TokenizedPrompt cut = SHAPES.encode("a red circle and a blue square", 6, 1);

        assertThat(RESOLVER.resolve(cut, List.of()))
                .extracting(ResolvedSubject::text)
                .containsExactly("circle");
        assertThatThrownBy(() -> RESOLVER.resolve(cut, List.of(SubjectQuery.ofText("blue square"))))
                .isInstanceOf(SubjectException.class)
                .hasMessageContaining("(expected: within the 4 tokens that the model reads; it was cut off)");
        assertThatThrownBy(() -> RESOLVER.resolve(SHAPES.encode("a red circle", 4, 1), List.of()))
                .isInstanceOf(SubjectException.class)
                .hasMessageContaining("\"red circle\" (expected: within the 2 tokens");
    }

    @Test
    void resolve_nounCutInTheMiddle_isCutOff() {
        TokenizedPrompt cut = CLIP.encode("a cat and a raincoat", 8, 0);

        assertThat(RESOLVER.resolve(cut, List.of()))
                .extracting(ResolvedSubject::text)
                .containsExactly("cat");
    }

    @Test
    void resolve_wordOutsideTheVocabulary_isAnError() {
        TokenizedPrompt prompt = SHAPES.encodePrompt("a purple dog and a ring");

        assertThatThrownBy(() -> RESOLVER.resolve(prompt, List.of()))
                .isInstanceOf(SubjectException.class)
                .hasMessage("text: \"dog\" (expected: words that the model's vocabulary has)");
        assertThat(RESOLVER.resolve(prompt, List.of(SubjectQuery.ofText("ring"))))
                .extracting(ResolvedSubject::tokenIndices)
                .containsExactly(List.of(6));
    }

    /** One token for each word, as CLIP has it for common words; 77 positions. */
    private static TokenizedPrompt wordTokens(String text) {
        List<Word> words = Word.split(text);
        Integer[] ids = new Integer[77];
        Span[] spans = new Span[77];
        Arrays.fill(ids, 49407);
        Arrays.fill(spans, Span.NONE);
        TokenizedPrompt.TokenizedWord[] tokenized = new TokenizedPrompt.TokenizedWord[words.size()];
        ids[0] = 49406;
        for (int i = 0; i < words.size(); i++) {
            ids[i + 1] = 1000 + i;
            spans[i + 1] = words.get(i).span();
            tokenized[i] = new TokenizedPrompt.TokenizedWord(words.get(i), List.of(i + 1), false, true);
        }
        return new TokenizedPrompt(text, List.of(ids), 0, words.size() + 1, List.of(spans), List.of(tokenized));
    }
}
