package dev.prenoise.study;

import dev.prenoise.shapes.Interval;
import dev.prenoise.shapes.Statistics;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * Estimates from values by prompt and seed, {@code [prompts][seeds]}. Where all prompts share several seeds, these are crossed factors: what one
 * seed's noises are like moves all prompts together, so a bootstrap of prompts alone would take a few noises' luck for a finding. Both are then
 * drawn anew, each by itself (the pigeonhole bootstrap: Owen, "The pigeonhole bootstrap", 2007). Where each prompt has seeds of its own, or there is
 * one seed, prompts alone are drawn.
 */
final class Crossing {
    private static final int RESAMPLES = 2000;

    /** Of p-values, which are made of tails. */
    private static final int FLIPS = 10_000;

    private static final long SEED = 1;
    private static final long SEED_OF_SEEDS = 2;

    private final boolean crossed;

    /** Drawn once for all values of as many. */
    private final Map<Integer, int[][]> prompts = new HashMap<>();

    private final Map<Integer, int[][]> seeds = new HashMap<>();

    /**
     * What one resample draws.
     *
     * @param prompts indices, each as often as it was drawn
     * @param seeds likewise; all once where only prompts are drawn
     */
    record Chosen(int[] prompts, int[] seeds) {
        double mean(double[][] values) {
            double[] share = new double[values[0].length];
            for (int seed : seeds) {
                share[seed] += 1.0 / seeds.length;
            }
            double sum = 0;
            for (int prompt : prompts) {
                double[] bySeed = values[prompt];
                for (int s = 0; s < share.length; s++) {
                    sum += share[s] * bySeed[s];
                }
            }
            return sum / prompts.length;
        }
    }

    /**
     * @param crossed whether all prompts share their seeds
     */
    Crossing(boolean crossed) {
        this.crossed = crossed;
    }

    Interval mean(double[][] values) {
        return statistic(values.length, values[0].length, chosen -> chosen.mean(values));
    }

    /** How much better a way does than another, paired by prompt and seed. */
    Interval difference(double[][] control, double[][] treated) {
        return mean(differences(control, treated));
    }

    /**
     * Any statistic.
     *
     * @param statistic of a choice of prompts and seeds
     */
    Interval statistic(int prompts, int seeds, ToDoubleFunction<Chosen> statistic) {
        double[] drawn = resampled(prompts, seeds, statistic);
        return new Interval(
                statistic.applyAsDouble(new Chosen(all(prompts), all(seeds))),
                Statistics.quantile(drawn, 0.025),
                Statistics.quantile(drawn, 0.975));
    }

    /**
     * How likely so large a difference is, on either side, where there is none: with crossed seeds by the bootstrap that its interval is made of, else
     * by random flips of the signs of the prompts' differences.
     */
    double p(double[][] control, double[][] treated) {
        double[][] differences = differences(control, treated);
        if (!draws(differences[0].length)) {
            return Statistics.pairedTest(bySeedMean(control), bySeedMean(treated), FLIPS, SEED);
        }
        int[][] prompts = Statistics.resamples(differences.length, FLIPS, SEED);
        int[][] seeds = Statistics.resamples(differences[0].length, FLIPS, SEED_OF_SEEDS);
        double[] drawn = new double[FLIPS];
        Arrays.parallelSetAll(drawn, i -> new Chosen(prompts[i], seeds[i]).mean(differences));
        long below = Arrays.stream(drawn).filter(mean -> mean <= 0).count();
        long above = Arrays.stream(drawn).filter(mean -> mean >= 0).count();
        return Math.min(1, 2 * (Math.min(below, above) + 1) / (FLIPS + 1.0));
    }

    /** Whether seeds are drawn as well. */
    private boolean draws(int count) {
        return crossed && count > 1;
    }

    private double[] resampled(int prompts, int seeds, ToDoubleFunction<Chosen> statistic) {
        int[][] chosenPrompts = this.prompts.computeIfAbsent(prompts, n -> Statistics.resamples(n, RESAMPLES, SEED));
        int @Nullable [][] chosenSeeds = draws(seeds)
                ? this.seeds.computeIfAbsent(seeds, n -> Statistics.resamples(n, RESAMPLES, SEED_OF_SEEDS))
                : null;
        int[] every = all(seeds);
        double[] drawn = new double[RESAMPLES];
        Arrays.parallelSetAll(
                drawn,
                i -> statistic.applyAsDouble(
                        new Chosen(chosenPrompts[i], chosenSeeds == null ? every : chosenSeeds[i])));
        return drawn;
    }

    private static double[][] differences(double[][] control, double[][] treated) {
        double[][] differences = new double[control.length][];
        for (int i = 0; i < differences.length; i++) {
            differences[i] = new double[control[i].length];
            for (int s = 0; s < differences[i].length; s++) {
                differences[i][s] = treated[i][s] - control[i][s];
            }
        }
        return differences;
    }

    private static double[] bySeedMean(double[][] values) {
        return Arrays.stream(values)
                .mapToDouble(each -> Arrays.stream(each).average().orElseThrow())
                .toArray();
    }

    private static int[] all(int count) {
        int[] all = new int[count];
        Arrays.setAll(all, i -> i);
        return all;
    }
}
