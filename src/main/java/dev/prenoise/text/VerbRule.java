package dev.prenoise.text;

import dev.prenoise.text.Lexicon.Kind;
import dev.prenoise.text.TaggedWords.Role;
import java.util.List;

/** Tells what subjects do ("fisherman <em>wearing</em> a raincoat") from what they are ("a <em>smiling</em> boy", "a rubber <em>duck</em>"). */
final class VerbRule {
    private final TaggedWords words;

    VerbRule(TaggedWords words) {
        this.words = words;
    }

    /**
     * Whether word {@code i} of a run of open words is a deed, so ends the part before it.
     *
     * @param part the words of the run since the last verb
     * @param opened whether an article or a number stands before the part
     * @param afterVerb whether the part follows a verb of the same run
     * @param afterPreposition whether the run follows a preposition
     */
    boolean divides(
            List<Integer> run, int i, List<Integer> part, boolean opened, boolean afterVerb, boolean afterPreposition) {
        int index = run.get(i);
        boolean more = i + 1 < run.size();
        boolean known = words.in(Kind.VERB, index) || isDeed(run, i, part);
        if (!known && !(words.tag(index).equals("VERB") && agrees(run, i))) {
            return false;
        }
        if (part.isEmpty()) {
            return opensWithDeed(index, more, known) && !opened && !(afterPreposition && words.isPlural(index));
        }
        // "wearing boxing gloves": a second finite verb cannot follow. "a hand drawn map": a participle before its
        // noun.
        if ((afterVerb && words.isPlural(index)) || (!known && more && isParticiple(index))) {
            return false;
        }
        if (part.stream().anyMatch(words::isNoun)) {
            return true;
        }
        // "a purple crown sitting on": no noun by its tags, but the verb shows where it was.
        boolean describes = more && words.in(Kind.DESCRIBING, index);
        return known && !describes && !words.in(Kind.COLOUR, part.get(part.size() - 1));
    }

    // "riding horses" is a deed, "flying car" a car.
    private boolean opensWithDeed(int index, boolean more, boolean known) {
        if (words.in(Kind.COLOUR, index)) {
            return false;
        }
        if (words.lower(index).endsWith("ing")) {
            return !more || !(words.in(Kind.DESCRIBING, index) || words.in(Kind.ING_THING, index));
        }
        return known || words.isPlural(index) || !more;
    }

    // "a horse galloping", "a mailman delivering letters", "a beaver building a dam", where the tagger saw nouns;
    // not "a fire breathing dragon", "a fire king's crown".
    private boolean isDeed(List<Integer> run, int i, List<Integer> part) {
        int index = run.get(i);
        int end = run.get(run.size() - 1);
        if (words.lower(index).length() < 5 || !words.lower(index).endsWith("ing")) {
            return false;
        }
        if (!words.in(Kind.ING_THING, index) && !words.in(Kind.QUALITY, index)) {
            return index == end || words.isPlural(end);
        }
        return index == end
                && !part.isEmpty()
                && words.hasRole(end + 1, Role.DETERMINER)
                && words.word(end + 1).isFreeStanding();
    }

    // A bare form after a singular cannot be its verb ("a duck swim"): the tagger took a noun for one.
    private boolean agrees(List<Integer> run, int i) {
        int index = run.get(i);
        return words.lower(index).endsWith("ing")
                || isParticiple(index)
                || words.isPlural(index)
                || words.in(Kind.PAST, index)
                || (i > 0 && words.isPlural(run.get(i - 1)) && !words.in(Kind.THING, index));
    }

    private boolean isParticiple(int index) {
        return words.lower(index).endsWith("ed") || words.in(Kind.PARTICIPLE, index);
    }
}
