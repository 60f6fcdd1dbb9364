package dev.prenoise.search;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The way of a pass of search over paths through a sampler's levels, and what it costs.
 */
final class PathsPlan {
    private static final int LEAST_STEPS = 3;

    private final int start;
    private final List<Hop> hops;
    private final int lastLevel;

    /** Denoiser calls of a point that goes through this many rounds. */
    private final int[] callsOfRounds;

    /**
     * @param start the level that the first walk ends at
     * @param hops one for each round
     */
    PathsPlan(int start, List<Hop> hops, int lastLevel) {
        this.start = start;
        this.hops = List.copyOf(hops);
        this.lastLevel = lastLevel;
        callsOfRounds = new int[hops.size() + 1];
        for (int round = 0; round < hops.size(); round++) {
            Hop hop = hops.get(round);
            int look = hop.down() < lastLevel ? 1 : 0;
            callsOfRounds[round + 1] = callsOfRounds[round] + hop.down() - hop.up() + look;
        }
    }

    int start() {
        return start;
    }

    List<Hop> hops() {
        return hops;
    }

    int lastLevel() {
        return lastLevel;
    }

    /** One round: up by noise, then down by walking. */
    record Hop(int up, int down) {}

    /**
     * How large a pass is.
     *
     * @param paths N
     * @param width M
     */
    record Size(int paths, int width, int rounds) {
        long looks() {
            return points() * rounds;
        }

        /** Of each round. */
        long points() {
            return (long) paths * width;
        }
    }

    /**
     * On the levels nearest to the parameters', so that each round ends below where it began and rises above it, but not to noise alone.
     *
     * @param levels as {@link PathEvaluator#levels}
     * @throws IllegalArgumentException when they are too few
     */
    static PathsPlan of(List<Double> levels, PathsParameters parameters) {
        int last = levels.size() - 1;
        if (last < LEAST_STEPS) {
            throw new IllegalArgumentException(
                    "steps: " + last + " (expected: >= " + LEAST_STEPS + " for a search over paths)");
        }
        int start = clamp(nearest(levels, parameters.startSigma()), 2, last - 1);
        List<Hop> hops = new ArrayList<>();
        double time = parameters.startSigma();
        int at = start;
        while (at < last) {
            int up = clamp(nearest(levels, time + parameters.forwardStep()), 1, at - 1);
            time += parameters.forwardStep() - parameters.backwardStep();
            int down = time <= 0 ? last : clamp(nearest(levels, time), at + 1, last);
            hops.add(new Hop(up, down));
            at = down;
        }
        return new PathsPlan(start, hops, last);
    }

    private static int clamp(int value, int least, int most) {
        return Math.max(least, Math.min(most, value));
    }

    private static int nearest(List<Double> levels, double time) {
        int nearest = 0;
        for (int i = 1; i < levels.size(); i++) {
            if (Math.abs(levels.get(i) - time) < Math.abs(levels.get(nearest) - time)) {
                nearest = i;
            }
        }
        return nearest;
    }

    /**
     * What a pass spends beside the draws that its survivors are scored by: {@code N start + sum over rounds of N M (down - up + 1) + N up b},
     * the look at a finished picture free and b the calls that a level on the way back takes.
     *
     * @param maxBatch points that share a denoiser call
     */
    Spend cost(Size size, PathEvaluator evaluator, int maxBatch) {
        Spend call = evaluator.callCost();
        int back = hops.get(size.rounds() - 1).up() * evaluator.backCalls();
        return calls(call, size.paths(), start, maxBatch)
                .plus(calls(call, size.points(), callsOfRounds[size.rounds()], maxBatch))
                .plus(calls(call, size.paths(), back, maxBatch));
    }

    private static Spend calls(Spend call, long points, int calls, int maxBatch) {
        long batches = (points + maxBatch - 1) / maxBatch;
        return call.withinBatch()
                .times(points * calls)
                .plus(new Spend(0, 0, call.denoiserCalls(), 0).times(batches * calls));
    }

    /**
     * The pass with the most looks that fits, that of more rounds among equals, then that of more paths. Null where none fits.
     *
     * @param fits whoever fits must fit with fewer paths or a smaller width too
     */
    @Nullable
    Size largest(PathsParameters parameters, Predicate<Size> fits) {
        Size best = null;
        for (int rounds = hops.size(); rounds >= 1; rounds--) {
            // fewer paths leave room for as many noises on each, or more: so the width is never tried downwards
            int width = 1;
            for (int paths = parameters.initialPaths(); paths >= 1; paths--) {
                while (width < parameters.width() && fits.test(new Size(paths, width + 1, rounds))) {
                    width++;
                }
                Size size = new Size(paths, width, rounds);
                if (width > 1 && (best == null || size.looks() > best.looks())) {
                    best = size;
                }
            }
        }
        return best;
    }
}
