package dev.prenoise.shapes;

import java.util.List;

/**
 * How a picture answers a prompt.
 *
 * @param asked objects that the prompt asks for; two of the same are two
 * @param found how many of them are there, each by an object of its own
 * @param relationHolds whether the two objects are there and stand as asked; true when no relation is asked
 * @param extra objects that nobody asked for
 * @param unclear things that are no object: blobs, halves, things between two shapes
 * @param score 0 to 1, to rank pictures by: the share of what is asked that is there, where a half-right object counts up to one half, a
 *     wrong relation costs a fifth, and what nobody asked for a little, but never as much as an object of three or a relation
 * @param sightings everything that was seen
 */
public record Verdict(
        int asked, int found, boolean relationHolds, int extra, int unclear, double score, List<Sighting> sightings) {
    private static final double WRONG_RELATION = 0.8;

    private static final double EACH_TOO_MANY = 0.02;
    private static final double ALL_TOO_MANY = 0.1;

    public Verdict {
        sightings = List.copyOf(sightings);
    }

    /** Everything asked for is there and stands as asked; there may be more. This is when a picture succeeds. */
    public boolean isComplete() {
        return found == asked && relationHolds;
    }

    /** Complete, and nothing else is there: the strict reading, under which three stars are not two. */
    public boolean isExact() {
        return isComplete() && extra == 0 && unclear == 0;
    }

    static Verdict of(List<Sighting> sightings, PromptGoal goal) {
        Matching matching = Matching.of(goal, sightings);
        int objects = (int) sightings.stream()
                .filter(sighting -> sighting.shape().isPresent())
                .count();
        int extra = objects - matching.found();
        int unclear = sightings.size() - objects;
        double score = matching.credit() / goal.objects();
        if (!matching.relationHolds()) {
            score *= WRONG_RELATION;
        }
        score *= 1 - Math.min(ALL_TOO_MANY, EACH_TOO_MANY * (extra + unclear));
        return new Verdict(
                goal.objects(), matching.found(), matching.relationHolds(), extra, unclear, score, sightings);
    }
}
