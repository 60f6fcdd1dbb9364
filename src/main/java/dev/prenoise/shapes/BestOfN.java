package dev.prenoise.shapes;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * What choosing the smallest loss among N candidates gives on average, exactly, from M candidates that were all evaluated: the average
 * over every subset of N, without drawing any. Candidates are sorted by loss; the one at rank k (from 0) is the best of its subset with
 * probability {@code C(M - 1 - k, N - 1) / C(M, N)}. Among equal losses every order is as likely.
 */
public final class BestOfN {
    private BestOfN() {}

    /**
     * The mean outcome of the candidate with the smallest loss among N drawn without replacement; candidate 0 is drawn like any other.
     *
     * @param losses one per candidate, smaller is better
     * @param outcomes one per candidate, such as 1 when its picture is right
     * @param n 1 to the number of candidates
     * @throws IllegalArgumentException when the lengths differ, a loss is not a number, or n is out of range
     */
    public static double expected(double[] losses, double[] outcomes, int n) {
        check(losses, outcomes, n);
        int[] ranked = ranked(losses, 0);
        double sum = 0;
        double probability = n / (double) losses.length;
        for (int from = 0; from < ranked.length; ) {
            int to = endOfTie(ranked, losses, from);
            double tie = 0;
            double outcome = 0;
            for (int k = from; k < to; k++) {
                tie += probability;
                outcome += outcomes[ranked[k]];
                probability = next(probability, k, ranked.length, n);
            }
            sum += tie * outcome / (to - from);
            from = to;
        }
        return sum;
    }

    /**
     * The same where candidate 0, the host's own noise, always takes part and n - 1 of the others are drawn. Against an equal loss
     * candidate 0 stays, as it does in a search.
     *
     * @throws IllegalArgumentException as {@link #expected(double[], double[], int)}
     */
    public static double expectedWithFirst(double[] losses, double[] outcomes, int n) {
        check(losses, outcomes, n);
        int[] others = ranked(losses, 1);
        double sum = 0;
        double left = 1;
        double probability = others.length == 0 ? 0 : (n - 1) / (double) others.length;
        for (int from = 0; from < others.length && losses[others[from]] < losses[0]; ) {
            int to = endOfTie(others, losses, from);
            double tie = 0;
            double outcome = 0;
            for (int k = from; k < to; k++) {
                tie += probability;
                outcome += outcomes[others[k]];
                probability = next(probability, k, others.length, n - 1);
            }
            sum += tie * outcome / (to - from);
            left -= tie;
            from = to;
        }
        return sum + left * outcomes[0];
    }

    /** The probability at rank k + 1 from that at rank k: no binomial coefficient ever overflows. */
    private static double next(double probability, int k, int candidates, int n) {
        return k + 1 >= candidates ? 0 : probability * Math.max(0, candidates - n - k) / (candidates - 1.0 - k);
    }

    private static int[] ranked(double[] losses, int first) {
        if (ascending(losses, first)) {
            return IntStream.range(first, losses.length).toArray();
        }
        return IntStream.range(first, losses.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> losses[i]))
                .mapToInt(i -> i)
                .toArray();
    }

    /** Whether sorting would leave them where they are. */
    private static boolean ascending(double[] losses, int first) {
        for (int i = first + 1; i < losses.length; i++) {
            if (Double.compare(losses[i - 1], losses[i]) > 0) {
                return false;
            }
        }
        return true;
    }

    private static int endOfTie(int[] ranked, double[] losses, int from) {
        int to = from + 1;
        while (to < ranked.length && losses[ranked[to]] == losses[ranked[from]]) {
            to++;
        }
        return to;
    }

    private static void check(double[] losses, double[] outcomes, int n) {
        if (losses.length != outcomes.length) {
            throw new IllegalArgumentException(
                    "outcomes: " + outcomes.length + " (expected: " + losses.length + ", one for each loss)");
        }
        if (n < 1 || n > losses.length) {
            throw new IllegalArgumentException("n: " + n + " (expected: 1 to " + losses.length + ")");
        }
        if (Arrays.stream(losses).anyMatch(Double::isNaN)) {
            throw new IllegalArgumentException("losses: NaN (expected: numbers)");
        }
    }
}
