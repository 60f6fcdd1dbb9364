package dev.prenoise.text;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads past the prompt syntax of the hosts: what is left are the words that mean something, and a comma wherever a phrase cannot go on.
 *
 * <p>Known syntax: {@code (word:1.2)}, {@code [word]}, {@code {word}}, {@code [from:to:0.5]}, {@code [one|other]}, {@code <lora:name:0.8>},
 * {@code BREAK}, {@code AND}, {@code embedding:name}, escaped brackets, underscores between words, {@code word++}. Quoted text is what a
 * sign says, not what the picture shows, and is left out.
 */
final class PromptReader {
    private static final Pattern LEFT_OUT = Pattern.compile("\\R"
            + "|<\\w+:[^<>]*>"
            + "|\"[^\"]*\"|“[^“”]*”"
            + "|\\bembedding:\\S+"
            + "|\\bBREAK\\b|\\bAND\\b"
            + "|(?:(?<=[)+])|:\\s*[-+]?)(?:\\p{N}+(?:\\.\\p{N}*)?|\\.\\p{N}+)");
    private static final String SILENT_MARKS = "()[]{}\\_";

    private PromptReader() {}

    static List<Word> read(String prompt) {
        List<Word> words = new ArrayList<>();
        Matcher leftOut = LEFT_OUT.matcher(prompt);
        int from = 0;
        while (leftOut.find()) {
            readPlain(prompt, from, leftOut.start(), words);
            // A weight changes nothing in the sentence: "(red:1.2) apple" is still a red apple.
            if (!isWeight(prompt.charAt(leftOut.start()))) {
                words.add(new Word(",", new Span(leftOut.start(), leftOut.end())));
            }
            from = leftOut.end();
        }
        readPlain(prompt, from, prompt.length(), words);
        return words;
    }

    private static boolean isWeight(char first) {
        return first == ':' || first == '.' || Character.isDigit(first);
    }

    private static void readPlain(String prompt, int from, int to, List<Word> words) {
        for (Word word : Word.split(prompt.substring(from, to))) {
            Span span = new Span(word.span().start() + from, word.span().end() + from);
            if (word.isWord()) {
                words.add(new Word(word.text(), span));
            } else if (word.text().equals("&")) {
                words.add(new Word("and", span));
            } else if (!SILENT_MARKS.contains(word.text()) && !isEmphasis(prompt, span)) {
                words.add(new Word(",", span));
            }
        }
    }

    // "word++" and "(two words)-" weigh; a mark with a space before it divides.
    private static boolean isEmphasis(String prompt, Span mark) {
        char c = prompt.charAt(mark.start());
        return (c == '+' || c == '-') && mark.start() > 0 && !Character.isWhitespace(prompt.charAt(mark.start() - 1));
    }
}
