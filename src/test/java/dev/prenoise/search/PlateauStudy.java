package dev.prenoise.search;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;

/**
 * How far {@link PlateauRule} is off, and what it saves and loses: on drawn runs of known distributions, or on recorded ones.
 *
 * <pre>{@code
 * PlateauStudy                 drawn runs
 * PlateauStudy FILE...         recorded runs, one a line: 0.31,0.28,...  or  [0.31, 0.28]  or  {"scores": [...], "lower_is_better": false}
 * }</pre>
 *
 * Each estimate is compared with what the next n / 2 candidates gain on average: over a large sample of the distribution, or over every
 * choice of n / 2 from the rest of the recorded run. All numbers are percent of the gain so far, totals over runs.
 */
final class PlateauStudy {
    static final double[] SETTINGS = {0.1, 0.05, 0.025};

    private static final int[] PREFIXES = {8, 16, 32, 64, 96};
    private static final int LENGTH = 128;
    private static final int SAMPLE = 50_000;

    private PlateauStudy() {}

    /**
     * @param scores in the order drawn, as losses
     * @param further draws that stand for the distribution, sorted; empty where the rest of the run does
     */
    record Run(double[] scores, double[] further) {}

    /** Percent of the gain so far. */
    record Error(int runs, double truth, double bias, double meanAbsolute) {}

    /** @param lost percent of the gain of the whole run */
    record Saving(double stoppedAt, double saved, double lost) {}

    public static void main(String[] files) throws IOException {
        if (files.length == 0) {
            print(drawnRuns(400), System.out);
            return;
        }
        Map<String, List<Run>> runs = new LinkedHashMap<>();
        for (String file : files) {
            runs.put(Path.of(file).getFileName().toString(), read(Path.of(file)));
        }
        print(runs, System.out);
    }

    static void print(Map<String, List<Run>> groups, PrintStream out) {
        out.println("| runs | n | gain of the next n/2 | bias | mean absolute error |");
        out.println("|---|---|---|---|---|");
        groups.forEach((name, runs) -> {
            for (int prefix : PREFIXES) {
                Error error = error(runs, prefix);
                if (error.runs() > 0) {
                    out.printf(
                            Locale.ROOT,
                            "| %s | %d | %.1f | %+.1f | %.1f |%n",
                            name,
                            prefix,
                            error.truth(),
                            error.bias(),
                            error.meanAbsolute());
                }
            }
        });
        out.println();
        out.println("| runs | threshold | stopped at | budget saved % | gain lost % |");
        out.println("|---|---|---|---|---|");
        groups.forEach((name, runs) -> {
            for (double threshold : SETTINGS) {
                Saving saving = saving(runs, threshold);
                out.printf(
                        Locale.ROOT,
                        "| %s | %s | %.0f | %.0f | %.1f |%n",
                        name,
                        threshold,
                        saving.stoppedAt(),
                        saving.saved(),
                        saving.lost());
            }
        });
    }

    static Error error(List<Run> runs, int prefix) {
        int horizon = prefix / 2;
        int used = 0;
        double gains = 0;
        double truths = 0;
        double errors = 0;
        double absolute = 0;
        for (Run run : runs) {
            double[] rest = rest(run, prefix);
            if (rest.length < horizon) {
                continue;
            }
            double[] seen = Arrays.copyOf(run.scores(), prefix);
            PlateauRule.Estimate estimate = PlateauRule.estimate(seen, true);
            double truth = expectedGain(rest, Arrays.stream(seen).min().orElseThrow(), horizon);
            used++;
            gains += estimate.gainSoFar();
            truths += truth;
            errors += estimate.expectedGain() - truth;
            absolute += Math.abs(estimate.expectedGain() - truth);
        }
        return new Error(used, 100 * truths / gains, 100 * errors / gains, 100 * absolute / gains);
    }

    static Saving saving(List<Run> runs, double threshold) {
        PlateauRule rule = new PlateauRule(threshold);
        double stopped = 0;
        double length = 0;
        double lost = 0;
        double gain = 0;
        for (Run run : runs) {
            int end = end(rule, run.scores());
            double best = Arrays.stream(run.scores()).min().orElseThrow();
            stopped += end;
            length += run.scores().length;
            lost += Arrays.stream(run.scores(), 0, end).min().orElseThrow() - best;
            gain += Arrays.stream(run.scores()).average().orElseThrow() - best;
        }
        return new Saving(stopped / runs.size(), 100 * (1 - stopped / length), 100 * lost / gain);
    }

    private static int end(PlateauRule rule, double[] scores) {
        int checkpoint = PlateauRule.nextCheckpoint(0);
        while (checkpoint < scores.length && !rule.stopsAfter(Arrays.copyOf(scores, checkpoint), true)) {
            checkpoint = PlateauRule.nextCheckpoint(checkpoint);
        }
        return Math.min(checkpoint, scores.length);
    }

    private static double[] rest(Run run, int prefix) {
        if (run.further().length > 0) {
            return run.further();
        }
        double[] rest = Arrays.copyOfRange(run.scores(), Math.min(prefix, run.scores().length), run.scores().length);
        Arrays.sort(rest);
        return rest;
    }

    /** Mean of max(0, best - min) over all subsets of this size of a sorted pool. */
    static double expectedGain(double[] pool, double best, int size) {
        double gain = 0;
        double noneSoFar = 1;
        for (int j = 0; j < pool.length && pool[j] < best; j++) {
            // the chance that the j + 1 lowest are all left out
            noneSoFar *= Math.max(0, (double) (pool.length - size - j) / (pool.length - j));
            double next = j + 1 < pool.length ? Math.min(pool[j + 1], best) : best;
            gain += (next - pool[j]) * (1 - noneSoFar);
        }
        return gain;
    }

    static Map<String, List<Run>> drawnRuns(int count) {
        Map<String, ToDoubleFunction<SplittableRandom>> distributions = new LinkedHashMap<>();
        distributions.put("normal", SplittableRandom::nextGaussian);
        distributions.put("uniform", SplittableRandom::nextDouble);
        distributions.put("exponential tail", random -> Math.log(1 - random.nextDouble()));
        distributions.put("skewed (log-normal)", random -> Math.exp(0.5 * random.nextGaussian()));
        distributions.put("bounded beta(2,5)", random -> beta(random, 2, 5));
        distributions.put("bounded beta(5,2)", random -> beta(random, 5, 2));
        distributions.put(
                "two modes",
                random -> random.nextDouble() < 0.2 ? 0.3 * random.nextGaussian() - 2 : 0.5 * random.nextGaussian());
        distributions.put(
                "rare mode (3 %)",
                random -> random.nextDouble() < 0.03 ? 0.2 * random.nextGaussian() - 4 : 0.5 * random.nextGaussian());
        distributions.put("rounded to half a deviation", random -> Math.rint(2 * random.nextGaussian()) / 2);
        distributions.put("floor at 0 (16 %)", random -> Math.max(0, random.nextGaussian() + 1));
        Map<String, List<Run>> runs = new LinkedHashMap<>();
        distributions.forEach((name, distribution) -> {
            SplittableRandom random = new SplittableRandom(11);
            double[] further = draws(random, distribution, SAMPLE);
            Arrays.sort(further);
            List<Run> drawn = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                drawn.add(new Run(draws(random, distribution, LENGTH), further));
            }
            runs.put(name, drawn);
        });
        return runs;
    }

    private static double[] draws(SplittableRandom random, ToDoubleFunction<SplittableRandom> distribution, int count) {
        double[] draws = new double[count];
        for (int i = 0; i < count; i++) {
            draws[i] = distribution.applyAsDouble(random);
        }
        return draws;
    }

    /** The a-th smallest of a + b - 1 uniforms. */
    private static double beta(SplittableRandom random, int a, int b) {
        double[] uniforms = draws(random, SplittableRandom::nextDouble, a + b - 1);
        Arrays.sort(uniforms);
        return uniforms[a - 1];
    }

    /** One run a line, as comma-separated numbers, a JSON array, or a JSON object with "scores". */
    static List<Run> read(Path file) throws IOException {
        List<Run> runs = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            if (!line.isBlank()) {
                runs.add(new Run(scores(line.strip()), new double[0]));
            }
        }
        return runs;
    }

    private static double[] scores(String line) {
        if (!line.startsWith("[") && !line.startsWith("{")) {
            return new Gson().fromJson("[" + line + "]", double[].class);
        }
        JsonElement parsed = JsonParser.parseString(line);
        if (parsed instanceof JsonObject run) {
            double[] scores = new Gson().fromJson(run.get("scores"), double[].class);
            boolean lowerIsBetter =
                    !run.has("lower_is_better") || run.get("lower_is_better").getAsBoolean();
            return lowerIsBetter
                    ? scores
                    : Arrays.stream(scores).map(score -> -score).toArray();
        }
        return new Gson().fromJson((JsonArray) parsed, double[].class);
    }
}
