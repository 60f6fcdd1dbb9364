package dev.prenoise.study;

import dev.prenoise.search.PlateauRule;
import dev.prenoise.shapes.Interval;
import dev.prenoise.shapes.Statistics;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * What one backbone's results come to. Intervals are 95 % percentile bootstraps over prompts and, where these share several, seeds: see
 * {@link Crossing}. A prompt that a metric could not judge is left out for all strategies alike.
 */
final class StudyFindings {
    /** Of the best value, from which on a curve counts as flat. */
    private static final double FLAT = 0.99;

    private final StudyPlan plan;
    private final List<Cell> cells;
    private final Map<Key, double[][]> columns = new HashMap<>();
    private final Crossing crossing;

    /** Of values that tables and curves ask for again and again. */
    private record Key(int metric, String strategy, String suite, int n) {}

    /**
     * One prompt.
     *
     * @param replays of those that ask the rule for stopping early, by seeds
     * @param judged by metrics: whether every picture of every strategy was
     */
    private record Cell(
            String suite,
            Map<String, List<Choice>> bySeed,
            Map<String, List<PlateauReplay>> replays,
            List<List<UnitResult.Row>> pools,
            List<Boolean> judged) {}

    /**
     * What the rule for stopping early makes of one strategy, in means over prompts and seeds.
     *
     * @param spent loss evaluations, or pictures
     * @param saved part of what the whole search spends
     * @param fixed how many candidates, or starts, cost as much where their number is fixed; between two numbers some take one more
     * @param gainLost part of the whole search's gain in its own score, over prompts where there was one; empty where nothing could be scored
     * @param againstWhole by metrics, less the whole search's value; empty where the metric could judge no prompt
     * @param againstFixed by metrics, less what that fixed number comes to; the number is not drawn again with the prompts
     */
    record Stopped(
            Interval spent,
            Interval saved,
            double fixed,
            Optional<Interval> gainLost,
            List<Optional<Interval>> againstWhole,
            List<Optional<Interval>> againstFixed) {}

    /**
     * What picking costs, in means over prompts and seeds.
     *
     * @param losses evaluations
     */
    record Cost(double losses, double nfe, Optional<Double> variety) {}

    /**
     * How long it takes, over units, in seconds; empty where a strategy does no such thing.
     *
     * @param perLoss evaluation, with its gradient where steps follow it
     * @param perPicture with whatever choosing by it takes: judging, and a gradient where one is followed
     * @param perSearch up to the largest budget
     * @param memory the most bytes resident in the process; 0 where the system did not say
     */
    record Timing(
            Optional<Spread> perLoss,
            Optional<Spread> perNfe,
            Optional<Spread> perPicture,
            Spread perSearch,
            long memory) {}

    /** The median of many, and where all but a twentieth at either end lie. */
    record Spread(double median, double low, double high) {
        private static Spread of(double[] values) {
            return new Spread(
                    Statistics.quantile(values, 0.5),
                    Statistics.quantile(values, 0.05),
                    Statistics.quantile(values, 0.95));
        }
    }

    /** How two strategies differ at the largest budget. */
    record Comparison(String first, String second, Interval difference, double p, double holm) {}

    private StudyFindings(StudyPlan plan, List<Cell> cells) {
        this.plan = plan;
        this.cells = cells;
        this.crossing = new Crossing(plan.seeds().crossed());
    }

    static StudyFindings of(StudyPlan plan, BackboneSetting backbone, ResultStore store) {
        List<Cell> cells = new ArrayList<>();
        for (StudySuite suite : plan.suites()) {
            // prompts know nothing of each other
            cells.addAll(IntStream.range(0, suite.prompts().size())
                    .parallel()
                    .mapToObj(i -> cell(plan, backbone, store, suite, i))
                    .toList());
        }
        return new StudyFindings(plan, cells);
    }

    private static Cell cell(StudyPlan plan, BackboneSetting backbone, ResultStore store, StudySuite suite, int index) {
        List<String> metrics = plan.metrics().stream().map(Metric::name).toList();
        StudyPrompt prompt = suite.prompts().get(index);
        List<List<UnitResult.Row>> pools = plan.sharesPictures()
                ? rows(
                        plan,
                        prompt,
                        range -> store.require(plan.unit(backbone, prompt, index, Strategy.PICTURES, range)))
                : List.of();
        Map<String, List<Choice>> choices = new LinkedHashMap<>();
        Map<String, List<PlateauReplay>> replays = new LinkedHashMap<>();
        List<UnitResult.Row> all = new ArrayList<>();
        pools.forEach(all::addAll);
        for (Strategy strategy : plan.strategies()) {
            List<List<UnitResult.Row>> own = strategy.kind() == Strategy.Kind.FOLLOW
                    ? pools
                    : rows(plan, prompt, range -> store.require(plan.unit(backbone, prompt, index, strategy, range)));
            own.forEach(all::addAll);
            choices.put(
                    strategy.name(),
                    IntStream.range(0, own.size())
                            .mapToObj(s -> choice(
                                    plan, strategy, pools.isEmpty() ? own.get(s) : pools.get(s), own.get(s), prompt))
                            .toList());
            if (plan.pictures() != StudyPlan.Pictures.NONE) {
                replays.put(
                        strategy.name(),
                        IntStream.range(0, own.size())
                                .mapToObj(s -> PlateauReplay.of(
                                        strategy, pools.get(s), own.get(s), metrics, plan.candidates()))
                                .flatMap(Optional::stream)
                                .toList());
            }
        }
        return new Cell(suite.name(), choices, replays, pools, judged(all, metrics.size()));
    }

    private static Choice choice(
            StudyPlan plan,
            Strategy strategy,
            List<UnitResult.Row> pool,
            List<UnitResult.Row> own,
            StudyPrompt prompt) {
        List<String> metrics = plan.metrics().stream().map(Metric::name).toList();
        return plan.winnersOnly()
                ? Choice.ofRecords(strategy, pool.get(0), own, metrics, plan.candidates())
                : Choice.of(strategy, pool, own, metrics, prompt.text());
    }

    /** A score that is no number anywhere would go into some strategy's mean. */
    private static List<Boolean> judged(List<UnitResult.Row> rows, int metrics) {
        return IntStream.range(0, metrics)
                .mapToObj(metric -> rows.stream()
                        .flatMap(row -> row.forms().stream())
                        .allMatch(row -> row.values().isEmpty()
                                || Double.isFinite(row.values().get(metric))))
                .toList();
    }

    private static List<List<UnitResult.Row>> rows(
            StudyPlan plan, StudyPrompt prompt, Function<List<Long>, UnitResult> result) {
        List<List<UnitResult.Row>> bySeed = new ArrayList<>();
        for (List<Long> range : plan.seedRanges(prompt)) {
            List<UnitResult.Row> rows = result.apply(range).rows();
            for (long seed : range) {
                bySeed.add(rows.stream().filter(row -> row.seed() == seed).toList());
            }
        }
        return bySeed;
    }

    // ---- values ----

    /** Prompts that the metric could judge whatever was picked. */
    private List<Cell> judged(int metric, String suite) {
        return cells.stream()
                .filter(cell -> suite.isEmpty() || cell.suite().equals(suite))
                .filter(cell -> cell.judged().get(metric))
                .toList();
    }

    /** By prompt and seed. */
    private static double[][] column(List<Cell> cells, String strategy, ToDoubleFunction<Choice> value) {
        return cells.parallelStream()
                .map(cell -> cell.bySeed().getOrDefault(strategy, List.of()).stream()
                        .mapToDouble(value)
                        .toArray())
                .toArray(double[][]::new);
    }

    /** Of the prompts that the metric could judge. */
    private double[][] column(int metric, String strategy, String suite, int n) {
        return columns.computeIfAbsent(
                new Key(metric, strategy, suite, n),
                key -> column(judged(metric, suite), strategy, choice -> choice.value(metric, n)));
    }

    /** How many prompts the metric could judge. */
    int prompts(int metric) {
        return judged(metric, "").size();
    }

    /**
     * @param suite "" = all
     * @return empty where the metric could judge none
     */
    Optional<Interval> value(int metric, String strategy, String suite, int n) {
        double[][] values = column(metric, strategy, suite, n);
        return values.length == 0 ? Optional.empty() : Optional.of(crossing.mean(values));
    }

    /** The largest budget's value less that of one candidate. */
    Interval gain(int metric, String strategy) {
        return crossing.difference(column(metric, strategy, "", 1), column(metric, strategy, "", plan.candidates()));
    }

    /** A seed's mean over the prompts that the metric could judge. */
    double ofSeed(int metric, String strategy, int seed, int n) {
        return Arrays.stream(column(metric, strategy, "", n))
                .mapToDouble(bySeed -> bySeed[seed])
                .average()
                .orElseThrow();
    }

    /**
     * For which part of all prompts the candidate is picked that is picked most often, at the largest budget: 1 where the choice does not depend on
     * the prompt.
     *
     * @return empty where the strategy does not pick among candidates that all prompts share
     */
    Optional<Double> samePick(Strategy strategy, int seed) {
        Map<Integer, Integer> times = new HashMap<>();
        for (Cell cell : cells) {
            OptionalInt picked = choices(cell, strategy).get(seed).picked();
            if (picked.isEmpty()) {
                return Optional.empty();
            }
            times.merge(picked.getAsInt(), 1, Integer::sum);
        }
        return Optional.of(Collections.max(times.values()) / (double) cells.size());
    }

    /** The smallest budget whose value lies within one per cent of the curve's best. */
    Interval plateau(int metric, String strategy) {
        List<Integer> sizes = plan.sizes();
        double[][][] curves =
                sizes.stream().map(n -> column(metric, strategy, "", n)).toArray(double[][][]::new);
        return crossing.statistic(
                curves[0].length,
                curves[0][0].length,
                chosen -> sizes.get(
                        flatFrom(Arrays.stream(curves).mapToDouble(chosen::mean).toArray())));
    }

    static int flatFrom(double[] means) {
        double best = Arrays.stream(means).max().orElseThrow();
        double enough = best - (1 - FLAT) * Math.abs(best);
        return IntStream.range(0, means.length)
                .filter(i -> means[i] >= enough)
                .findFirst()
                .orElseThrow();
    }

    /** Each pair of strategies at the largest budget; p-values as they are and after Holm's correction for how many pairs there are. */
    List<Comparison> comparisons(int metric) {
        List<String> names = plan.strategies().stream().map(Strategy::name).toList();
        List<double[][]> columns = names.stream()
                .map(name -> column(metric, name, "", plan.candidates()))
                .toList();
        List<int[]> pairs = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            for (int k = i + 1; k < names.size(); k++) {
                pairs.add(new int[] {i, k});
            }
        }
        double[] p = pairs.stream()
                .mapToDouble(pair -> crossing.p(columns.get(pair[0]), columns.get(pair[1])))
                .toArray();
        double[] holm = Statistics.holm(p);
        return IntStream.range(0, pairs.size())
                .mapToObj(i -> new Comparison(
                        names.get(pairs.get(i)[0]),
                        names.get(pairs.get(i)[1]),
                        crossing.difference(columns.get(pairs.get(i)[0]), columns.get(pairs.get(i)[1])),
                        p[i],
                        holm[i]))
                .toList();
    }

    // ---- stopping early ----

    /**
     * @return empty where the strategy does not ask the rule
     */
    Optional<Stopped> stopped(Strategy strategy, PlateauRule rule) {
        List<List<PlateauReplay>> replays = cells.stream()
                .map(cell -> cell.replays().getOrDefault(strategy.name(), List.of()))
                .toList();
        if (replays.stream().anyMatch(List::isEmpty)) {
            return Optional.empty();
        }
        double[][] spent = values(replays, replay -> replay.spent(replay.stop(rule)));
        double[][] whole = values(replays, replay -> replay.spent(replay.whole()));
        double fixed = asMany(replays, mean(spent));
        List<Optional<Interval>> againstWhole = new ArrayList<>();
        List<Optional<Interval>> againstFixed = new ArrayList<>();
        for (int i = 0; i < plan.metrics().size(); i++) {
            int metric = i;
            List<List<PlateauReplay>> judged = IntStream.range(0, cells.size())
                    .filter(cell -> cells.get(cell).judged().get(metric))
                    .mapToObj(replays::get)
                    .toList();
            double[][] stopped = values(judged, replay -> replay.value(metric, replay.stop(rule)));
            againstWhole.add(less(values(judged, replay -> replay.value(metric, replay.whole())), stopped));
            againstFixed.add(less(values(judged, replay -> between(replay, metric, fixed)), stopped));
        }
        double[][] gainLost = Arrays.stream(values(replays, replay -> replay.gainLost(replay.stop(rule))))
                .filter(bySeed -> Arrays.stream(bySeed).allMatch(Double::isFinite))
                .toArray(double[][]::new);
        return Optional.of(new Stopped(
                crossing.mean(spent),
                crossing.statistic(
                        spent.length, spent[0].length, chosen -> 1 - chosen.mean(spent) / chosen.mean(whole)),
                fixed,
                gainLost.length == 0 ? Optional.empty() : Optional.of(crossing.mean(gainLost)),
                againstWhole,
                againstFixed));
    }

    private Optional<Interval> less(double[][] control, double[][] treated) {
        return control.length == 0 ? Optional.empty() : Optional.of(crossing.difference(control, treated));
    }

    /** By prompt and seed. */
    private static double[][] values(List<List<PlateauReplay>> replays, ToDoubleFunction<PlateauReplay> value) {
        return replays.stream()
                .map(bySeed -> bySeed.stream().mapToDouble(value).toArray())
                .toArray(double[][]::new);
    }

    private static double mean(double[][] values) {
        return Arrays.stream(values)
                .mapToDouble(bySeed -> Arrays.stream(bySeed).average().orElseThrow())
                .average()
                .orElse(0);
    }

    /** How many candidates or starts, the same for all, cost so much in the mean. */
    private static double asMany(List<List<PlateauReplay>> replays, double spent) {
        int longest = replays.stream()
                .flatMap(List::stream)
                .mapToInt(PlateauReplay::whole)
                .max()
                .orElseThrow();
        double before = 0;
        for (int n = 1; n <= longest; n++) {
            int first = n;
            double now = mean(values(replays, replay -> replay.spent(first)));
            if (now >= spent) {
                return Math.max(1, n - 1 + (spent - before) / (now - before));
            }
            before = now;
        }
        return longest;
    }

    /** Where the number is no whole one, as many take one more as make it so in the mean. */
    private static double between(PlateauReplay replay, int metric, double first) {
        int below = (int) Math.floor(first);
        double share = first - below;
        return (1 - share) * replay.value(metric, below) + (share > 0 ? share * replay.value(metric, below + 1) : 0);
    }

    // ---- costs ----

    Cost cost(Strategy strategy) {
        int n = plan.candidates();
        return new Cost(
                mean(strategy, choice -> choice.losses(n)),
                mean(strategy, choice -> choice.nfe(n)),
                variety(cell ->
                        choices(cell, strategy).stream().map(Choice::look).toList()));
    }

    /**
     * @param timed results of the units that computed it, of every seed range of every prompt in their order
     */
    Timing timing(Strategy strategy, List<UnitResult> timed) {
        boolean losses = strategy.kind().count() == Strategy.Count.LOSSES;
        double[] each = new double[timed.size()];
        double[] pictures = new double[timed.size()];
        double[] searches = new double[timed.size()];
        int ranges = timed.size() / cells.size();
        for (int i = 0; i < timed.size(); i++) {
            UnitResult result = timed.get(i);
            int from = i % ranges * plan.seedsPerUnit();
            List<Choice> choices = choices(cells.get(i / ranges), strategy);
            List<Choice> picked = choices.subList(from, Math.min(choices.size(), from + plan.seedsPerUnit()));
            each[i] = result.seconds() / evaluations(strategy, result);
            pictures[i] = result.seconds() / result.rows().size();
            searches[i] = each[i]
                    * picked.stream()
                            .mapToDouble(
                                    choice -> losses ? choice.losses(plan.candidates()) : choice.nfe(plan.candidates()))
                            .average()
                            .orElse(0);
        }
        return new Timing(
                losses ? Optional.of(Spread.of(each)) : Optional.empty(),
                losses ? Optional.empty() : Optional.of(Spread.of(each)),
                losses ? Optional.empty() : Optional.of(Spread.of(pictures)),
                Spread.of(searches),
                timed.stream().mapToLong(UnitResult::memory).max().orElse(0));
    }

    private static List<Choice> choices(Cell cell, Strategy strategy) {
        return cell.bySeed().getOrDefault(strategy.name(), List.of());
    }

    /** Losses where it takes losses, else NFEs. */
    private static double evaluations(Strategy strategy, UnitResult result) {
        if (strategy.kind().count() == Strategy.Count.LOSSES) {
            return result.rows().stream().mapToInt(UnitResult.Row::losses).sum();
        }
        if (!strategy.kind().sequential()) {
            return result.rows().stream().mapToInt(UnitResult.Row::nfe).sum();
        }
        Map<Long, Integer> bySeed = new LinkedHashMap<>();
        result.rows().forEach(row -> bySeed.merge(row.seed(), row.nfe(), Math::max));
        return bySeed.values().stream().mapToInt(Integer::intValue).sum();
    }

    private double mean(Strategy strategy, ToDoubleFunction<Choice> value) {
        return mean(column(cells, strategy.name(), value));
    }

    /** How different the plain seeds' pictures are. */
    Optional<Double> plainVariety() {
        return variety(
                cell -> cell.pools().stream().map(pool -> pool.get(0).look()).toList());
    }

    /** The root mean square difference, 0 to 1, of two seeds' pictures of one prompt in 8 x 8 pixels; none with one seed. */
    private Optional<Double> variety(Function<Cell, List<String>> looks) {
        List<Double> distances = new ArrayList<>();
        for (Cell cell : cells) {
            List<byte[]> pixels = looks.apply(cell).stream()
                    .filter(look -> !look.isEmpty())
                    .map(Base64.getDecoder()::decode)
                    .toList();
            for (int i = 0; i < pixels.size(); i++) {
                for (int k = i + 1; k < pixels.size(); k++) {
                    distances.add(distance(pixels.get(i), pixels.get(k)));
                }
            }
        }
        return distances.isEmpty()
                ? Optional.empty()
                : Optional.of(distances.stream().mapToDouble(d -> d).average().orElseThrow());
    }

    private static double distance(byte[] a, byte[] b) {
        double squares = 0;
        for (int i = 0; i < a.length; i++) {
            double difference = ((a[i] & 0xff) - (b[i] & 0xff)) / 255.0;
            squares += difference * difference;
        }
        return Math.sqrt(squares / a.length);
    }
}
