package dev.prenoise.text;

import dev.prenoise.text.Lexicon.Kind;
import dev.prenoise.text.TaggedWords.Role;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Groups the words of one prompt into noun phrases, from left to right. One use, one thread.
 *
 * <p>A phrase is a run of open words (nouns, adjectives, verbs) after optional articles and numbers. Verbs inside a run divide it
 * ("fisherman wearing | sunglasses"); the last word of a part is its noun, the words before it are its attributes.
 */
final class PhraseParser {
    private static final String MATERIAL = "made of";
    private static final Set<String> TIME_PREPOSITIONS =
            Set.of("at", "in", "on", "during", "by", "before", "after", "until");

    private final TaggedWords words;
    private final VerbRule verbs;

    private final List<Draft> subjects = new ArrayList<>();
    private final List<Draft> media = new ArrayList<>();
    private @Nullable Draft last;

    private int at;
    private String preposition = "";
    private boolean negated;
    private boolean predicate;

    PhraseParser(TaggedWords words) {
        this.words = words;
        this.verbs = new VerbRule(words);
    }

    List<FoundSubject> parse() {
        while (at < words.size()) {
            switch (words.role(at)) {
                case DETERMINER, NUMBER, OPEN -> nounPhrase();
                case PREPOSITION -> {
                    endClause();
                    preposition = isMaterialAhead() ? MATERIAL : words.lower(at);
                    at++;
                }
                case NEGATION -> {
                    endClause();
                    negated = true;
                    at++;
                }
                case COPULA -> {
                    endClause();
                    predicate = true;
                    at++;
                }
                case BREAK, OTHER -> {
                    endClause();
                    at++;
                }
                case CONJUNCTION, ADVERB -> at++;
            }
        }
        // "a beautiful painting" is about the painting only when it shows nothing else.
        List<Draft> drafts = subjects.isEmpty() ? media : subjects;
        return drafts.stream().map(Draft::finish).toList();
    }

    private void nounPhrase() {
        int from = at;
        boolean article = false;
        boolean number = false;
        for (; words.hasRole(at, Role.DETERMINER, Role.NUMBER, Role.ADVERB); at++) {
            article |= words.role(at) == Role.DETERMINER;
            number |= words.role(at) == Role.NUMBER;
        }
        Opening opening = new Opening(article, number, words.reads(from, "the"));
        if (opening.bare() && isCredit()) {
            passCredit();
            return;
        }
        // "without a collar and a cat": the cat is there; "without a collar or a cat": it is not.
        if (article && from > 0 && words.reads(from - 1, "and")) {
            negated = false;
        }
        boolean verbLast = parts(run(article), opening);
        if (!words.hasRole(at, Role.CONJUNCTION)) {
            // "not wearing a hat"
            boolean stillNegated = negated && verbLast;
            endClause();
            negated = stillNegated;
        }
    }

    /** Whether the run ends with a verb. */
    private boolean parts(List<Integer> run, Opening opening) {
        List<Integer> part = new ArrayList<>();
        Opening current = opening;
        boolean afterVerb = false;
        for (int i = 0; i < run.size(); i++) {
            if (verbs.divides(run, i, part, !current.bare(), afterVerb, !preposition.isEmpty())) {
                boolean stillNegated = negated && part.isEmpty();
                part(part, current, false);
                endClause();
                negated = stillNegated;
                part = new ArrayList<>();
                current = Opening.BARE;
                afterVerb = true;
            } else {
                if (opening.bare() && startsAnother(run, i, part)) {
                    part(part, Opening.BARE, false);
                    part = new ArrayList<>();
                }
                part.add(run.get(i));
            }
        }
        part(part, current, true);
        return afterVerb && part.isEmpty();
    }

    /** One noun with what stands around it, or qualities of the subject before. */
    private void part(List<Integer> part, Opening opening, boolean lastOfRun) {
        // "a cat left , a dog right"
        while (part.size() > 1
                && words.in(Kind.SIDE, part.get(part.size() - 1))
                && words.isTaggedNoun(part.get(part.size() - 2))) {
            part.remove(part.size() - 1);
        }
        if (part.isEmpty() || negated) {
            return;
        }
        // "a dog (brown)": the quality comes after.
        int nounAt = part.size() - 1;
        while (nounAt > 0 && words.isColour(part.get(nounAt)) && words.isNoun(part.get(nounAt - 1))) {
            nounAt--;
        }
        int noun = part.get(nounAt);
        Draft draft = new Draft(noun, part.stream().filter(i -> i != noun).toList());

        if (isQualitiesOnly(part, opening)) {
            if (predicate || preposition.equals("in") || preposition.equals(MATERIAL)) {
                qualifyLast(part);
            }
        } else if (preposition.equals(MATERIAL) && opening.bare()) {
            qualifyLast(part);
        } else if (isNothingToSee(draft, opening, lastOfRun)) {
            return;
        } else if (isMedium(noun, opening, lastOfRun)) {
            media.add(draft);
        } else {
            add(draft, opening);
        }
    }

    /** Open words that belong together; adverbs are passed over, "black and white" and "tall, thin" held together. */
    private List<Integer> run(boolean article) {
        List<Integer> run = new ArrayList<>();
        for (boolean modifiersOnly = true; at < words.size(); at++) {
            boolean joint = words.role(at) == Role.CONJUNCTION || (article && words.reads(at, ","));
            if (words.role(at) == Role.OPEN) {
                run.add(at);
                modifiersOnly &= words.isModifier(at);
            } else if (words.role(at) == Role.ADVERB) {
                if (at + 1 < words.size() && !words.hasRole(at + 1, Role.OPEN, Role.ADVERB)) {
                    break;
                }
            } else if (!joint || run.isEmpty() || !modifiersOnly || !isModifiersAndNoun(at + 1)) {
                break;
            }
        }
        return run;
    }

    private boolean isModifiersAndNoun(int start) {
        int from = start;
        while (true) {
            int end = from;
            while (words.hasRole(end, Role.OPEN, Role.ADVERB)) {
                end++;
            }
            if (end == from || !isModifying(from)) {
                return false;
            }
            if (end - from > 1) {
                return true;
            }
            if (!words.hasRole(end, Role.CONJUNCTION) && !words.reads(end, ",")) {
                return false;
            }
            from = end + 1;
        }
    }

    private boolean isModifying(int i) {
        return words.isModifier(i) || words.tag(i).equals("VERB") || words.role(i) == Role.ADVERB;
    }

    // "blue square red circle", without an article or a comma
    private boolean startsAnother(List<Integer> run, int i, List<Integer> part) {
        return i + 1 < run.size()
                && part.size() > 1
                && words.isColour(run.get(i))
                && words.isNoun(part.get(part.size() - 1));
    }

    private boolean isQualitiesOnly(List<Integer> part, Opening opening) {
        int end = part.get(part.size() - 1);
        boolean coloursOnly = part.stream().allMatch(words::isColour);
        if (coloursOnly || !opening.bare() || words.in(Kind.THING, end) || words.in(Kind.COLOUR_THING, end)) {
            return coloursOnly;
        }
        return switch (words.tag(end)) {
            // Only a noun can follow a preposition ("bowl of ramen"), and what ends a row of nouns is one ("restaurant
            // interior").
            case "ADJ" -> part.stream().noneMatch(words::isNoun) && (preposition.isEmpty() || predicate);
            case "VERB" -> preposition.isEmpty() || !words.isPlural(end);
            case "ADV", "AUX" -> true;
            default -> false;
        };
    }

    private boolean isNothingToSee(Draft draft, Opening opening, boolean lastOfRun) {
        int noun = draft.noun;
        boolean ofFollows = lastOfRun && words.reads(at, "of");
        boolean style = words.in(Kind.QUALITY, noun) || (opening.bare() && words.in(Kind.BARE_QUALITY, noun));
        boolean quantity = words.in(Kind.QUANTITY, noun) && ofFollows;
        // "on the left", "in the far distance"; a red top is clothing.
        boolean place = words.in(Kind.SPATIAL, noun)
                && (ofFollows || draft.attributes.stream().noneMatch(a -> words.in(Kind.COLOUR, a)));
        // "watching the sunset" shows it; "at sunset", "evening" and "on a sunny day" say when.
        boolean time = words.in(Kind.TIME, noun) && (!opening.article || TIME_PREPOSITIONS.contains(preposition));
        return style || quantity || place || time;
    }

    /** A picture of something, rather than a picture on a wall. */
    private boolean isMedium(int noun, Opening opening, boolean lastOfRun) {
        boolean ofFollows = lastOfRun && words.reads(at, "of");
        boolean thing = opening.article && !subjects.isEmpty() && !ofFollows && !preposition.equals("as");
        return words.in(Kind.MEDIUM, noun) && !thing;
    }

    private void add(Draft draft, Opening opening) {
        if (opening.definite && draft.attributes.isEmpty()) {
            for (Draft known : subjects) {
                if (words.lower(known.noun).equals(words.lower(draft.noun))) {
                    last = known;
                    return;
                }
            }
        }
        subjects.add(draft);
        last = draft;
    }

    private void qualifyLast(List<Integer> qualities) {
        if (last != null) {
            last.attributes.addAll(qualities);
        }
    }

    // "made of wood", "made out of wood", "made entirely from wood"
    private boolean isMaterialAhead() {
        if (!words.reads(at, "of") && !words.reads(at, "from")) {
            return false;
        }
        int i = at - 1;
        while (i > 0 && (words.role(i) == Role.ADVERB || words.reads(i, "out") || words.reads(i, "up"))) {
            i--;
        }
        return i >= 0 && words.reads(i, "made");
    }

    // "painting by", "made by", or "by" at a phrase's start; "surrounded by cherry blossoms" shows blossoms.
    private boolean isCredit() {
        int by = at - 1;
        return preposition.equals("by")
                && by >= 0
                && (by == 0
                        || words.role(by - 1) == Role.BREAK
                        || words.in(Kind.MEDIUM, by - 1)
                        || words.in(Kind.AUTHORSHIP, by - 1));
    }

    // "by greg rutkowski and alphonse mucha": people who made it, not people in it.
    private void passCredit() {
        while (words.hasRole(at, Role.OPEN, Role.CONJUNCTION, Role.ADVERB, Role.NUMBER)) {
            at++;
        }
        endClause();
    }

    private void endClause() {
        preposition = "";
        negated = false;
        predicate = false;
    }

    private record Opening(boolean article, boolean number, boolean definite) {
        static final Opening BARE = new Opening(false, false, false);

        boolean bare() {
            return !article && !number;
        }
    }

    private final class Draft {
        final int noun;
        final List<Integer> attributes;

        Draft(int noun, List<Integer> attributes) {
            this.noun = noun;
            this.attributes = new ArrayList<>(attributes);
        }

        FoundSubject finish() {
            return new FoundSubject(
                    words.word(noun),
                    attributes.stream()
                            .distinct()
                            .map(words::word)
                            .sorted(Comparator.comparingInt(w -> w.span().start()))
                            .toList());
        }
    }
}
