package dev.prenoise.study;

import dev.prenoise.search.PlateauRule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What the product's rule for stopping early ({@link PlateauRule}) would have made of a search whose every candidate is known: candidates, or
 * InitNO's starts, are taken in the order of their index as a search takes them, and the rule is asked where a search asks it.
 */
final class PlateauReplay {
    /** In their order, as a search that never stops on a plateau takes them. */
    private final List<UnitResult.Row> rows;

    /** By each, lower is better. */
    private final double[] losses;

    /** Which row is the best of the first n, at n - 1. */
    private final int[] best;

    /** After which checkpoints the rule is asked, and what it estimates there. */
    private final List<Checkpoint> checkpoints = new ArrayList<>();

    private record Checkpoint(int rows, PlateauRule.Estimate estimate) {}

    private PlateauReplay(List<UnitResult.Row> rows, double[] losses) {
        this.rows = rows;
        this.losses = losses;
        this.best = new int[losses.length];
        for (int i = 1; i < losses.length; i++) {
            // whoever could not be scored comes last
            boolean better = losses[i] < losses[best[i - 1]] || Double.isNaN(losses[best[i - 1]]);
            best[i] = better ? i : best[i - 1];
        }
        // behind the last one nothing is left to end
        for (int n = PlateauRule.nextCheckpoint(0); n < losses.length; n = PlateauRule.nextCheckpoint(n)) {
            checkpoints.add(new Checkpoint(n, PlateauRule.estimate(Arrays.copyOf(losses, n), true)));
        }
    }

    /**
     * @param pool of {@link Strategy#PICTURES}
     * @param own rows of the strategy's unit; of what was the best when it came they have values, or the pool has
     * @param budget in loss evaluations or pictures
     * @return empty where a search asks no such rule, or the budget pays for nothing
     */
    static Optional<PlateauReplay> of(
            Strategy strategy, List<UnitResult.Row> pool, List<UnitResult.Row> own, List<String> metrics, int budget) {
        List<UnitResult.Row> rows =
                switch (strategy.kind()) {
                    case RANK -> own.stream().map(row -> judged(row, pool)).toList();
                    case OPTIMIZE -> Starts.paid(own, budget);
                    case FOLLOW -> strategy.verifiers().size() == 1 ? pool : List.of();
                    default -> List.of();
                };
        if (rows.isEmpty()) {
            return Optional.empty();
        }
        int followed = strategy.kind() == Strategy.Kind.FOLLOW
                ? metrics.indexOf(strategy.verifiers().get(0))
                : -1;
        double[] losses = rows.stream()
                .mapToDouble(row -> followed < 0 ? row.score() : -row.values().get(followed))
                .toArray();
        return Optional.of(new PlateauReplay(rows, losses));
    }

    /** With the values of its picture, where these were told with those that all share. */
    private static UnitResult.Row judged(UnitResult.Row row, List<UnitResult.Row> pool) {
        return row.values().isEmpty() && row.index() < pool.size()
                ? new UnitResult.Row(
                        row.seed(),
                        row.index(),
                        row.score(),
                        row.losses(),
                        row.nfe(),
                        row.success(),
                        pool.get(row.index()).values(),
                        "")
                : row;
    }

    /** Candidates or starts of the search that never stops on a plateau. */
    int whole() {
        return rows.size();
    }

    /** How many the search has taken when the rule ends it; all where it never does. */
    int stop(PlateauRule rule) {
        return checkpoints.stream()
                .filter(checkpoint -> rule.ends(checkpoint.estimate()))
                .map(Checkpoint::rows)
                .findFirst()
                .orElse(rows.size());
    }

    /** Loss evaluations, or pictures, that the first ones took; what is beyond the last takes none. */
    double spent(int first) {
        double spent = 0;
        for (UnitResult.Row row : rows.subList(0, Math.min(first, rows.size()))) {
            spent += Math.max(1, row.losses());
        }
        return spent;
    }

    /** A metric's value of the best of the first ones, or of all where there are no more. */
    double value(int metric, int first) {
        return rows.get(best(first)).values().get(metric);
    }

    /**
     * The part of the whole search's gain in its own score, over the mean of all that could be scored, that the first ones do not have; NaN where
     * none could be.
     */
    double gainLost(int first) {
        double lowest = losses[best(rows.size())];
        if (!Double.isFinite(lowest)) {
            return Double.NaN;
        }
        double gain = Arrays.stream(losses).filter(Double::isFinite).average().orElse(lowest) - lowest;
        return gain > 0 ? (losses[best(first)] - lowest) / gain : 0;
    }

    private int best(int first) {
        return best[Math.min(first, rows.size()) - 1];
    }
}
