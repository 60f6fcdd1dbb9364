package dev.prenoise.text;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** The word lists of {@code lexicon.txt}. Immutable. */
final class Lexicon {
    enum Kind {
        DETERMINER,
        NUMBER,
        NEGATION,
        PREPOSITION,
        CONJUNCTION,
        COPULA,
        PRONOUN,
        ADVERB,
        SPATIAL,
        SIDE,
        RELATION,
        COLOUR,
        COLOUR_THING,
        QUANTITY,
        MEDIUM,
        QUALITY,
        BARE_QUALITY,
        TIME,
        VERB,
        DESCRIBING,
        PARTICIPLE,
        PAST,
        ING_THING,
        AUTHORSHIP,
        THING,
        LY_ADJECTIVE,
        PHRASE
    }

    private final Map<Kind, Set<String>> words = new EnumMap<>(Kind.class);
    private final List<List<String>> phrases = new ArrayList<>();

    private Lexicon() {
        for (Kind kind : Kind.values()) {
            words.put(kind, new HashSet<>());
        }
    }

    static Lexicon load() {
        Lexicon lexicon = new Lexicon();
        Kind kind = Kind.PHRASE;
        for (String line : lines("lexicon.txt")) {
            if (line.startsWith("[")) {
                String name = line.substring(1, line.length() - 1);
                kind = Kind.valueOf(name.replace('-', '_').toUpperCase(Locale.ROOT));
            } else if (kind == Kind.PHRASE) {
                lexicon.phrases.add(List.of(line.split(" ")));
            } else {
                lexicon.wordsOf(kind).addAll(List.of(line.split(" ")));
            }
        }
        return lexicon;
    }

    boolean has(Kind kind, String lower) {
        return wordsOf(kind).contains(lower);
    }

    List<List<String>> phrases() {
        return phrases;
    }

    /** The lines of a resource beside this class, without empty ones and {@code #} comments. */
    static List<String> lines(String resource) {
        List<String> lines = new ArrayList<>();
        try (InputStream stream = Lexicon.class.getResourceAsStream(resource)) {
            if (stream == null) {
                throw new IllegalStateException(resource + ": missing from the class path beside " + Lexicon.class);
            }
            BufferedReader reader = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8));
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                if (!line.isBlank() && !line.startsWith("#")) {
                    lines.add(line.strip());
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(resource, e);
        }
        return lines;
    }

    private Set<String> wordsOf(Kind kind) {
        Set<String> set = words.get(kind);
        if (set == null) {
            throw new IllegalStateException("no list " + kind);
        }
        return set;
    }
}
