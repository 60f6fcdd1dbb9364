package dev.prenoise.text;

import java.util.List;

/**
 * Finds what a prompt wants to see: its noun phrases, each a head noun and the words that qualify it.
 *
 * <p>Part-of-speech tags give the first guess; rules stand above them, because prompts are not the prose that taggers learn from ("a seal",
 * "a purple crown"): what stands between an article and the next preposition, conjunction, comma or verb ends in a noun, whatever its tag.
 * Words of style, quality, place and time are not subjects. English only.
 *
 * <p>Thread-safe.
 */
public final class SubjectFinder {
    // Tagging takes time for every word, and no encoder reads this far.
    private static final int MAX_WORDS = 2000;

    private final Lexicon lexicon = Lexicon.load();

    /** Subjects in text order; empty when there are none. The first use loads the tagger's model (about half a second). */
    public List<FoundSubject> find(String prompt) {
        List<Word> words = PromptReader.read(prompt);
        if (words.isEmpty()) {
            return List.of();
        }
        if (words.size() > MAX_WORDS) {
            words = words.subList(0, MAX_WORDS);
        }
        List<String> tags =
                PartOfSpeechTagger.tag(words.stream().map(Word::lower).toList());
        return new PhraseParser(new TaggedWords(lexicon, words, tags)).parse();
    }
}
