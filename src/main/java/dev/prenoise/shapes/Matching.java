package dev.prenoise.shapes;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * Which sighting answers which wanted object: one for each, so that as many as possible are right, then that the relation holds, then that
 * the others come near.
 *
 * @param found objects that are right
 * @param relationHolds whether both objects of the relation are right and stand as asked; true when there is none
 * @param credit summed over the wanted objects: 1 for a right one, up to one half for another
 */
record Matching(int found, boolean relationHolds, double credit) {
    private static final double HALF_RIGHT = 0.5;

    /** Matches at which a shape is not there at all, and as good as there. */
    private static final double NO_MATCH = 0.4;

    private static final double FULL_MATCH = 0.9;

    /** Distance in [0, 1] RGB at which a paint has nothing of a colour. */
    private static final double OTHER_PAINT = 0.6;

    /** Things in one picture beyond this are left aside, the smallest first; the world has three. */
    private static final int MOST_SIGHTINGS = 10;

    /** Worth of a right object and of the relation: more than all credit together. */
    private static final double RIGHT = 1000;

    private static final double RELATED = 500;

    static Matching of(PromptGoal goal, List<Sighting> sightings) {
        List<Wanted> wanted = goal.wanted().stream()
                .flatMap(want -> Collections.nCopies(want.count(), want).stream())
                .toList();
        List<Sighting> seen = sightings.subList(0, Math.min(MOST_SIGHTINGS, sightings.size()));
        double worth = goal.relation()
                .map(relation -> related(wanted.get(0), wanted.get(1), relation, seen))
                .orElseGet(() -> assigned(wanted, seen));
        int found = (int) (worth / RIGHT);
        double rest = worth - found * RIGHT;
        boolean related = rest >= RELATED;
        return new Matching(found, goal.relation().isEmpty() || related, found + rest - (related ? RELATED : 0));
    }

    /** The best assignment's worth, by dynamic programming over the set of sightings used so far. */
    private static double assigned(List<Wanted> wanted, List<Sighting> seen) {
        double[] worth = new double[1 << seen.size()];
        Arrays.fill(worth, Double.NEGATIVE_INFINITY);
        worth[0] = 0;
        for (Wanted want : wanted) {
            double[] next = worth.clone();
            for (int used = 0; used < worth.length; used++) {
                for (int i = 0; i < seen.size(); i++) {
                    if ((used & 1 << i) == 0) {
                        int with = used | 1 << i;
                        next[with] = Math.max(next[with], worth[used] + worth(want, seen.get(i)));
                    }
                }
            }
            worth = next;
        }
        return Arrays.stream(worth).max().orElseThrow();
    }

    private static double related(Wanted first, Wanted second, Relation relation, List<Sighting> seen) {
        double best = assigned(List.of(first, second), seen);
        for (Sighting one : seen) {
            for (Sighting other : seen) {
                boolean holds = Relation.between(one.x(), one.y(), other.x(), other.y()) == relation;
                if (one != other && holds && one.is(first) && other.is(second)) {
                    return 2 * RIGHT + RELATED;
                }
            }
        }
        return best;
    }

    private static double worth(Wanted want, Sighting sighting) {
        if (sighting.is(want)) {
            return RIGHT;
        }
        double shape = Math.min(1, Math.max(0, (sighting.match(want.shape()) - NO_MATCH) / (FULL_MATCH - NO_MATCH)));
        Optional<Double> distance = want.colour().map(colour -> colour.rgb().distanceTo(sighting.paint()));
        double colour = Math.max(0, 1 - distance.orElse(0.0) / OTHER_PAINT);
        return HALF_RIGHT * shape * (1 + colour) / 2;
    }
}
