package dev.prenoise.text;

import dev.prenoise.text.Lexicon.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** The words of one prompt with what is known of each: its tag, and the role that it plays between phrases. Immutable. */
final class TaggedWords {
    enum Role {
        /** A comma, the end of a sentence, a word of style: no phrase goes on past it. */
        BREAK,
        DETERMINER,
        NUMBER,
        NEGATION,
        PREPOSITION,
        CONJUNCTION,
        COPULA,
        ADVERB,
        /** A pronoun or the like: a phrase ends at it. */
        OTHER,
        /** A noun, an adjective or a verb: what phrases are made of. */
        OPEN
    }

    // 85mm, 8k, 1080p, f1.8
    private static final Pattern CAMERA = Pattern.compile("[0-9.]+(?:mm|k|p|px|fps)|f[0-9.]+");

    private final Lexicon lexicon;
    private final List<Word> words;
    private final List<String> lower;
    private final List<String> tags;
    private final List<Role> roles;

    /**
     * @param tags universal part-of-speech tags, one for each word
     */
    TaggedWords(Lexicon lexicon, List<Word> words, List<String> tags) {
        this.lexicon = lexicon;
        this.words = words;
        this.lower = words.stream().map(Word::lower).toList();
        this.tags = corrected(tags);
        this.roles = roles();
    }

    int size() {
        return words.size();
    }

    Word word(int i) {
        return words.get(i);
    }

    String lower(int i) {
        return lower.get(i);
    }

    String tag(int i) {
        return tags.get(i);
    }

    /** False past the end. */
    boolean hasRole(int i, Role... wanted) {
        return i < roles.size() && List.of(wanted).contains(roles.get(i));
    }

    Role role(int i) {
        return roles.get(i);
    }

    /** False past the end. */
    boolean reads(int i, String word) {
        return i < lower.size() && lower.get(i).equals(word);
    }

    boolean in(Kind list, int i) {
        return lexicon.has(list, lower.get(i));
    }

    boolean isNoun(int i) {
        return isTaggedNoun(i) && !in(Kind.COLOUR, i);
    }

    boolean isTaggedNoun(int i) {
        return tags.get(i).equals("NOUN") || tags.get(i).equals("PROPN");
    }

    boolean isModifier(int i) {
        return in(Kind.COLOUR, i) || tags.get(i).equals("ADJ");
    }

    /** A colour and nothing else; orange may be a fruit. */
    boolean isColour(int i) {
        return in(Kind.COLOUR, i) && !in(Kind.COLOUR_THING, i);
    }

    boolean isPlural(int i) {
        return lower.get(i).endsWith("s") && !lower.get(i).endsWith("ss");
    }

    // Things that the tagger takes for something else in phrases that are no sentences.
    private List<String> corrected(List<String> guesses) {
        List<String> corrected = new ArrayList<>(guesses);
        for (int i = 0; i < corrected.size(); i++) {
            if (in(Kind.THING, i) && !corrected.get(i).equals("VERB")) {
                corrected.set(i, "NOUN");
            } else if (in(Kind.LY_ADJECTIVE, i)) {
                corrected.set(i, "ADJ");
            }
        }
        return corrected;
    }

    private List<Role> roles() {
        List<Role> found = new ArrayList<>();
        for (int i = 0; i < words.size(); i++) {
            found.add(roleOf(i, i == 0 ? Role.BREAK : found.get(i - 1)));
        }
        for (List<String> phrase : lexicon.phrases()) {
            for (int i = 0; i + phrase.size() <= found.size(); i++) {
                if (lower.subList(i, i + phrase.size()).equals(phrase)) {
                    found.subList(i, i + phrase.size()).replaceAll(role -> Role.BREAK);
                }
            }
        }
        return found;
    }

    private Role roleOf(int i, Role before) {
        String word = lower.get(i);
        boolean ending = !words.get(i).isFreeStanding();
        if (!words.get(i).isWord() || CAMERA.matcher(word).matches()) {
            return Role.BREAK;
        }
        // The owner's 's opens a phrase as an article does.
        if ((ending && word.endsWith("s")) || in(Kind.DETERMINER, i)) {
            return Role.DETERMINER;
        }
        if (in(Kind.NEGATION, i)) {
            return Role.NEGATION;
        }
        if (in(Kind.NUMBER, i) || isFigure(word)) {
            return Role.NUMBER;
        }
        if (in(Kind.PREPOSITION, i)
                || (in(Kind.SPATIAL, i) && reads(i + 1, "of"))
                || (in(Kind.RELATION, i) && (reads(i + 1, "to") || reads(i + 1, "of")))) {
            return Role.PREPOSITION;
        }
        if (in(Kind.CONJUNCTION, i)) {
            return Role.CONJUNCTION;
        }
        if (in(Kind.COPULA, i)) {
            return Role.COPULA;
        }
        if (ending || in(Kind.PRONOUN, i)) {
            return Role.OTHER;
        }
        return in(Kind.ADVERB, i) ? Role.ADVERB : roleByTag(i, before);
    }

    private Role roleByTag(int i, Role before) {
        String tag = tags.get(i);
        // A noun's place: after an article, a number or another open word the tagger's doubts count little.
        boolean place = before == Role.DETERMINER || before == Role.NUMBER || before == Role.OPEN;
        boolean surePlace = place && (before != Role.OPEN || isModifier(i - 1)) && !precedesArticle(i);
        return switch (tag) {
            case "ADV" -> place && !lower.get(i).endsWith("ly") ? Role.OPEN : Role.ADVERB;
            case "ADP" -> surePlace ? Role.OPEN : Role.PREPOSITION;
            default -> Role.OPEN;
        };
    }

    private boolean precedesArticle(int i) {
        return i + 1 < words.size() && in(Kind.DETERMINER, i + 1);
    }

    private static boolean isFigure(String word) {
        return Character.isDigit(word.charAt(0)) && word.chars().noneMatch(Character::isLetter);
    }
}
