package dev.prenoise.study;

import dev.prenoise.noise.Seeds;
import dev.prenoise.shapes.BestOfN;
import dev.prenoise.verifier.RankEnsemble;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.function.IntFunction;
import java.util.function.IntToDoubleFunction;
import java.util.function.ToDoubleBiFunction;
import java.util.stream.IntStream;

/** What one strategy comes to on one prompt from one seed, at every budget up to the largest: an expectation wherever candidates came at random. */
abstract class Choice {
    /** For mean ranks, whose order depends on the subset. */
    private static final int SUBSETS = 32;

    /**
     * @param n the budget, see {@link Strategy.Count}
     */
    abstract double value(int metric, int n);

    /** Mean loss evaluations that the budget came to. */
    abstract double losses(int n);

    /** Mean NFEs, the chosen picture's own left out where none is drawn to choose. */
    abstract double nfe(int n);

    /** Which of the candidates that all prompts share is chosen at the largest budget; empty where they share none. */
    OptionalInt picked() {
        return OptionalInt.empty();
    }

    /** How the chosen picture at the largest budget looks, see {@link UnitResult.Row#look}. */
    abstract String look();

    /**
     * @param pool of {@link Strategy#PICTURES}
     * @param own rows of the strategy's unit; the pool where it has none
     * @param metrics by which they are judged
     * @param prompt whose they are: where subsets are drawn, others for each, so that what they miss averages out
     */
    static Choice of(
            Strategy strategy,
            List<UnitResult.Row> pool,
            List<UnitResult.Row> own,
            List<String> metrics,
            String prompt) {
        List<Integer> followed =
                strategy.verifiers().stream().map(metrics::indexOf).toList();
        return switch (strategy.kind()) {
            case RANK ->
                new Ranked(pool, own.stream().mapToDouble(UnitResult.Row::score).toArray(), 1, 0);
            case OPTIMIZE -> new Started(pool, own);
            case FOLLOW ->
                followed.size() == 1
                        ? new Ranked(
                                pool,
                                pool.stream()
                                        .mapToDouble(row -> -row.values().get(followed.get(0)))
                                        .toArray(),
                                0,
                                pool.get(0).nfe())
                        : new Voted(pool, followed, pool.get(0).seed() ^ prompt.hashCode());
            default -> new Walked(pool, own, followed);
        };
    }

    /**
     * Where only those are judged that were the best when they came: what a search comes to that takes candidates, or starts, in their order.
     *
     * @param plain candidate 0's picture
     * @param own rows of the strategy's unit
     * @param largest budget
     */
    static Choice ofRecords(
            Strategy strategy, UnitResult.Row plain, List<UnitResult.Row> own, List<String> metrics, int largest) {
        return switch (strategy.kind()) {
            case RANK -> new Recorded(plain, n -> own.subList(0, n), largest, true);
            case OPTIMIZE -> new Recorded(plain, n -> Starts.paid(own, n), largest, false);
            case PICTURES, FOLLOW ->
                throw new IllegalArgumentException(
                        "strategy: " + strategy.kind() + " (expected: one that does not see every picture)");
            default ->
                new Walked(
                        List.of(plain),
                        own,
                        strategy.verifiers().stream().map(metrics::indexOf).toList());
        };
    }

    private static double[] values(List<UnitResult.Row> rows, int metric) {
        return rows.stream().mapToDouble(row -> row.values().get(metric)).toArray();
    }

    private static int argMin(double[] losses) {
        return IntStream.range(0, losses.length).reduce(0, (best, i) -> losses[i] < losses[best] ? i : best);
    }

    /** Those that could not be scored come last. */
    private static double[] finite(double[] losses) {
        return Arrays.stream(losses)
                .map(loss -> Double.isNaN(loss) ? Double.POSITIVE_INFINITY : loss)
                .toArray();
    }

    /** The best of n of the shared candidates. */
    private static final class Ranked extends Choice {
        private final List<UnitResult.Row> pool;
        private final double[] scores;

        /** By metrics, as every budget asks for them again; none where nothing was drawn. */
        private final double[][] outcomes;

        private final int lossesEach;
        private final int nfeEach;

        Ranked(List<UnitResult.Row> pool, double[] scores, int lossesEach, int nfeEach) {
            double[] losses = finite(scores);
            // sorted once, as nothing is left to sort for a value where they are
            int[] order = IntStream.range(0, losses.length)
                    .boxed()
                    .sorted(Comparator.comparingDouble(i -> losses[i]))
                    .mapToInt(i -> i)
                    .toArray();
            this.pool = Arrays.stream(order).mapToObj(pool::get).toList();
            this.scores = Arrays.stream(order).mapToDouble(i -> losses[i]).toArray();
            this.outcomes = IntStream.range(0, pool.get(0).values().size())
                    .mapToObj(metric -> values(this.pool, metric))
                    .toArray(double[][]::new);
            this.lossesEach = lossesEach;
            this.nfeEach = nfeEach;
        }

        @Override
        double value(int metric, int n) {
            return BestOfN.expected(scores, outcomes[metric], n);
        }

        @Override
        double losses(int n) {
            return (double) lossesEach * n;
        }

        @Override
        double nfe(int n) {
            return (double) nfeEach * n;
        }

        @Override
        OptionalInt picked() {
            return OptionalInt.of(pool.get(argMin(scores)).index());
        }

        @Override
        String look() {
            return pool.get(argMin(scores)).look();
        }
    }

    /**
     * The best of those that the budget pays for in their order. Rows with values are those that were the best when they came, so it is the last
     * of these.
     */
    private static final class Recorded extends Choice {
        private final UnitResult.Row plain;
        private final IntFunction<List<UnitResult.Row>> paid;
        private final int largest;
        private final boolean shared;

        /**
         * @param paid by a budget
         * @param shared whether they are candidates that all prompts share
         */
        Recorded(UnitResult.Row plain, IntFunction<List<UnitResult.Row>> paid, int largest, boolean shared) {
            this.shared = shared;
            this.plain = plain;
            this.paid = paid;
            this.largest = largest;
        }

        /** The plain one where the budget pays for none. */
        private UnitResult.Row chosen(int n) {
            return paid.apply(n).stream().filter(row -> !row.values().isEmpty()).reduce(plain, (before, row) -> row);
        }

        @Override
        double value(int metric, int n) {
            return chosen(n).values().get(metric);
        }

        @Override
        double losses(int n) {
            return Math.max(
                    1, paid.apply(n).stream().mapToInt(UnitResult.Row::losses).sum());
        }

        @Override
        double nfe(int n) {
            return 0;
        }

        @Override
        OptionalInt picked() {
            return shared ? OptionalInt.of(chosen(largest).index()) : OptionalInt.empty();
        }

        @Override
        String look() {
            return chosen(largest).look();
        }
    }

    /** The best mean rank among n of the shared candidates: over subsets drawn, but over each one and of all exactly. */
    private static final class Voted extends Choice {
        private final List<UnitResult.Row> pool;
        private final double[][] votes;
        private final RankEnsemble ensemble;
        private final long seed;
        private final List<int[]> chosen = new ArrayList<>();

        Voted(List<UnitResult.Row> pool, List<Integer> followed, long seed) {
            this.pool = pool;
            this.seed = seed;
            this.votes = followed.stream().map(metric -> values(pool, metric)).toArray(double[][]::new);
            this.ensemble =
                    new RankEnsemble(followed.stream().map(metric -> 1.0).toList());
            for (int n = 1; n <= pool.size(); n++) {
                chosen.add(new int[0]);
            }
        }

        /** Who wins in each subset of n. Kept: every metric asks again. */
        private int[] winners(int n) {
            if (chosen.get(n - 1).length == 0) {
                IntStream winners = n == 1
                        ? IntStream.range(0, pool.size())
                        : IntStream.range(0, n == pool.size() ? 1 : SUBSETS).map(subset -> winner(subset(n, subset)));
                chosen.set(n - 1, winners.toArray());
            }
            return chosen.get(n - 1);
        }

        private int winner(int[] subset) {
            double[][] scores = Arrays.stream(votes)
                    .map(votes ->
                            Arrays.stream(subset).mapToDouble(i -> votes[i]).toArray())
                    .toArray(double[][]::new);
            return subset[ensemble.rank(scores).order()[0]];
        }

        /** Ascending, so that equals are told apart as in a search. */
        private int[] subset(int n, int number) {
            SplittableRandom random = new SplittableRandom(Seeds.derive(seed, n, number));
            int[] all = IntStream.range(0, pool.size()).toArray();
            for (int i = 0; i < n; i++) {
                int other = i + random.nextInt(all.length - i);
                int swapped = all[i];
                all[i] = all[other];
                all[other] = swapped;
            }
            return Arrays.stream(all, 0, n).sorted().toArray();
        }

        @Override
        double value(int metric, int n) {
            return Arrays.stream(winners(n))
                    .mapToDouble(i -> pool.get(i).values().get(metric))
                    .average()
                    .orElseThrow();
        }

        @Override
        double losses(int n) {
            return 0;
        }

        @Override
        double nfe(int n) {
            return (double) pool.get(0).nfe() * n;
        }

        @Override
        String look() {
            return pool.get(winners(pool.size())[0]).look();
        }
    }

    /**
     * InitNO's starts in an order that is drawn: one after the other until one succeeds, the last as far as what is left of the budget pays for; the
     * best score of those that were run counts. With f failures among M starts the first success is the j-th run with probability {@code
     * C(f, j-1) / C(M, j-1) * (M-f) / (M-j+1)}; given that, it stands beside j - 1 failures of which every choice is as likely. Behind m failures
     * and no success, the start that is cut short is a given success with probability {@code 1 / (M-m)}, beside any m of the failures, and a
     * given failure with {@code (f-m) / f / (M-m)}, beside any m of the others.
     */
    private static final class Started extends Choice {
        private final List<UnitResult.Row> pool;
        private final List<UnitResult.Row> starts;
        private final List<UnitResult.Row> succeeded;
        private final List<UnitResult.Row> failed;

        Started(List<UnitResult.Row> pool, List<UnitResult.Row> starts) {
            this.pool = pool;
            this.starts = starts;
            this.succeeded = starts.stream().filter(UnitResult.Row::success).toList();
            this.failed = starts.stream().filter(row -> !row.success()).toList();
        }

        private int whole(int n) {
            return Math.min(n / Starts.WHOLE, starts.size());
        }

        /** Evaluations left for a last start; 0 where there is none, or not for every one is known what so few come to. */
        private int rest(int n) {
            int rest = whole(n) < starts.size() ? n % Starts.WHOLE : 0;
            return n > 1 && starts.stream().allMatch(start -> start.within(rest).isPresent()) ? rest : 0;
        }

        private boolean plain(int n) {
            return whole(n) == 0 && rest(n) == 0;
        }

        /**
         * @param ending what a search comes to whose last start, the j-th, succeeded
         * @param without what one comes to that ran m failures, and nothing or a start cut short behind them
         */
        private double over(int whole, IntToDoubleFunction ending, IntToDoubleFunction without) {
            double sum = 0;
            double failures = 1;
            for (int j = 1; j <= whole && failures > 0; j++) {
                double left = starts.size() - j + 1.0;
                if (!succeeded.isEmpty()) {
                    sum += failures * succeeded.size() / left * ending.applyAsDouble(j);
                }
                failures *= Math.max(0, failed.size() - j + 1) / left;
            }
            return failures > 0 ? sum + failures * without.applyAsDouble(whole) : sum;
        }

        /**
         * The mean over starts that come behind m failures and are cut short.
         *
         * @param value of one, and the failures that may stand before it
         */
        private double overLast(int m, int rest, ToDoubleBiFunction<UnitResult.Row, List<UnitResult.Row>> value) {
            double left = (double) starts.size() - m;
            double sum = 0;
            for (UnitResult.Row start : starts) {
                double probability = start.success() ? 1 / left : (double) (failed.size() - m) / failed.size() / left;
                if (probability > 0) {
                    List<UnitResult.Row> before = failed.stream()
                            .filter(row -> row.index() != start.index())
                            .toList();
                    sum += probability * value.applyAsDouble(start.within(rest).orElseThrow(), before);
                }
            }
            return sum;
        }

        @Override
        double value(int metric, int n) {
            if (plain(n)) {
                return Arrays.stream(values(pool, metric)).average().orElseThrow();
            }
            int rest = rest(n);
            return over(
                    whole(n),
                    j -> succeeded.stream()
                            .mapToDouble(success -> beside(success, failed, metric, j))
                            .average()
                            .orElseThrow(),
                    m -> rest == 0
                            ? BestOfN.expected(scores(failed), values(failed, metric), m)
                            : overLast(m, rest, (last, before) -> beside(last, before, metric, m + 1)));
        }

        /** The best of a start and n - 1 others. */
        private static double beside(UnitResult.Row start, List<UnitResult.Row> others, int metric, int n) {
            List<UnitResult.Row> rows = new ArrayList<>(List.of(start));
            rows.addAll(others);
            return BestOfN.expectedWithFirst(scores(rows), values(rows, metric), n);
        }

        private static double[] scores(List<UnitResult.Row> rows) {
            return finite(rows.stream().mapToDouble(UnitResult.Row::score).toArray());
        }

        @Override
        double losses(int n) {
            if (plain(n)) {
                return 1;
            }
            int rest = rest(n);
            double last = succeeded.stream()
                    .mapToInt(UnitResult.Row::losses)
                    .average()
                    .orElse(0);
            double each =
                    failed.stream().mapToInt(UnitResult.Row::losses).average().orElse(0);
            return over(
                    whole(n),
                    j -> (j - 1) * each + last,
                    m -> m * each + (rest == 0 ? 0 : overLast(m, rest, (cut, before) -> cut.losses())));
        }

        @Override
        double nfe(int n) {
            return 0;
        }

        /** Of the first starts, as a search runs them; where none is paid for, of the plain noise. */
        @Override
        String look() {
            List<UnitResult.Row> run = Starts.paid(starts, pool.size());
            return run.isEmpty()
                    ? pool.get(0).look()
                    : run.get(argMin(scores(run))).look();
        }
    }

    /** A search that walks on: the best of what it had come by when so much was spent. */
    private static final class Walked extends Choice {
        private final int nfeEach;
        private final List<UnitResult.Row> rows;
        private final List<Integer> followed;

        Walked(List<UnitResult.Row> pool, List<UnitResult.Row> rows, List<Integer> followed) {
            this.nfeEach = pool.get(0).nfe();
            this.rows = rows;
            this.followed = followed;
        }

        /** The first one counts even where it costs more than a picture, as a gradient of it does: nothing else is there. */
        private List<UnitResult.Row> until(int n) {
            int limit = Math.max(n * nfeEach, rows.get(0).nfe());
            return rows.stream().filter(row -> row.nfe() <= limit).toList();
        }

        private UnitResult.Row best(List<UnitResult.Row> found) {
            double[][] votes =
                    followed.stream().map(metric -> values(found, metric)).toArray(double[][]::new);
            List<Double> weights = followed.stream().map(metric -> 1.0).toList();
            return found.get(new RankEnsemble(weights).rank(votes).order()[0]);
        }

        @Override
        double value(int metric, int n) {
            return best(until(n)).values().get(metric);
        }

        @Override
        double losses(int n) {
            return 0;
        }

        @Override
        double nfe(int n) {
            List<UnitResult.Row> found = until(n);
            return found.get(found.size() - 1).nfe();
        }

        @Override
        String look() {
            return best(rows).look();
        }
    }
}
