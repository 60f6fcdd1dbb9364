package dev.prenoise.search;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The way of a pass of search over paths through a sampler's levels, and what it costs.
 *
 * @param start the level that the first walk ends at
 * @param hops one for each round
 */
record PathsPlan(int start, List<Hop> hops, int lastLevel) {
    private static final int LEAST_STEPS = 3;

    /** One round: up by noise, then down by walking. */
    record Hop(int up, int down) {}

    /**
     * How large a pass is.
     *
     * @param paths N
     * @param width M
     */
    record Size(int paths, int width, int rounds) {
        int looks() {
            return paths * width * rounds;
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
        Spend sum = calls(call, size.paths(), start, maxBatch);
        for (Hop hop : hops.subList(0, size.rounds())) {
            int look = hop.down() < lastLevel ? 1 : 0;
            sum = sum.plus(calls(call, size.paths() * size.width(), hop.down() - hop.up() + look, maxBatch));
        }
        int back = hops.get(size.rounds() - 1).up() * evaluator.backCalls();
        return sum.plus(calls(call, size.paths(), back, maxBatch));
    }

    private static Spend calls(Spend call, int points, int calls, int maxBatch) {
        int batches = (points + maxBatch - 1) / maxBatch;
        return call.withinBatch()
                .times(points * calls)
                .plus(new Spend(0, 0, call.denoiserCalls() * batches * calls, 0));
    }

    /** The pass with the most looks that fits, that of more rounds among equals, then that of more paths. Null where none fits. */
    @Nullable
    Size largest(PathsParameters parameters, Predicate<Size> fits) {
        Size best = null;
        for (int rounds = hops.size(); rounds >= 1; rounds--) {
            for (int paths = parameters.initialPaths(); paths >= 1; paths--) {
                for (int width = parameters.width(); width >= 2; width--) {
                    Size size = new Size(paths, width, rounds);
                    if ((best == null || size.looks() > best.looks()) && fits.test(size)) {
                        best = size;
                    }
                }
            }
        }
        return best;
    }
}
