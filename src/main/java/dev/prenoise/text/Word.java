package dev.prenoise.text;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A word or a single mark of punctuation, and where it stands in its text.
 *
 * @param text as written
 */
public record Word(String text, Span span) {
    // Numbers with points; letters and digits joined by hyphens; what follows an apostrophe ('s, 't); any other mark by
    // itself.
    private static final Pattern WORD = Pattern.compile("\\p{N}++(?:[.,]\\p{N}++)++"
            + "|[\\p{L}\\p{M}\\p{N}]++(?:-[\\p{L}\\p{M}\\p{N}]++)*+"
            + "|(?<=\\p{L})['’]\\p{L}++"
            + "|\\S");

    /** The words and marks of a text, in order. Hyphenated words stay whole; {@code girl's} is {@code girl} and {@code 's}. */
    public static List<Word> split(String text) {
        List<Word> words = new ArrayList<>();
        Matcher matcher = WORD.matcher(text);
        while (matcher.find()) {
            words.add(new Word(matcher.group(), new Span(matcher.start(), matcher.end())));
        }
        return List.copyOf(words);
    }

    /** Whether it has a letter or a digit, so is not a mere mark. */
    boolean isWord() {
        return text.codePoints().anyMatch(Character::isLetterOrDigit);
    }

    /** Whether it is no ending after an apostrophe. */
    boolean isFreeStanding() {
        return text.charAt(0) != '\'' && text.charAt(0) != '’';
    }

    String lower() {
        return text.toLowerCase(Locale.ROOT);
    }
}
