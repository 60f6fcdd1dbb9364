package dev.prenoise.study;

import dev.prenoise.engine.SamplingSpec;
import dev.prenoise.search.PlateauRule;
import dev.prenoise.shapes.Interval;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** What a study has found, as tables in Markdown and LaTeX, curves in SVG, and one page that needs nothing else. */
final class StudyReport {
    private static final double MEGABYTE = 1e6;

    /** More would make no table to read. */
    private static final int MOST_SEEDS_SHOWN = 8;

    private final StudyPlan plan;
    private final ResultStore store;
    private final List<BackboneSetup> setups;
    private final List<Found> found = new ArrayList<>();

    /** One backbone. */
    private record Found(BackboneSetting backbone, List<Table> tables, List<CurveChart.Panel> panels) {
        int columns() {
            return Math.min(3, panels.size());
        }
    }

    /**
     * @param setups how backbones draw, where that is known
     */
    StudyReport(StudyPlan plan, ResultStore store, List<BackboneSetup> setups) {
        this.plan = plan;
        this.store = store;
        this.setups = setups;
        for (BackboneSetting backbone : plan.backbones()) {
            StudyFindings findings = StudyFindings.of(plan, backbone, store);
            found.add(new Found(backbone, withSetup(backbone, tables(backbone, findings)), panels(findings)));
        }
    }

    private String summary() {
        return String.format(
                Locale.ROOT,
                "%d prompts, each with %s, up to N = %d. N counts loss evaluations of losses and pictures of verifiers.%s Computed by Prenoise %s.",
                plan.prompts(),
                plan.seeds().words(),
                plan.candidates(),
                judged() ? " Brackets hold 95 % bootstrap intervals over " + drawnAnew() + "." : "",
                String.join(", ", versions()));
    }

    /** What a bootstrap draws. */
    private String drawnAnew() {
        return plan.seeds().crossed() ? "prompts and seeds" : "prompts";
    }

    private TreeSet<String> versions() {
        TreeSet<String> versions = new TreeSet<>();
        plan.units().forEach(unit -> versions.add(store.require(unit).version()));
        return versions;
    }

    // ---- tables ----

    private List<Table> tables(BackboneSetting backbone, StudyFindings findings) {
        List<Table> tables = new ArrayList<>();
        if (!judged()) {
            return List.of(costs(backbone, findings), times(backbone, findings));
        }
        for (int metric = 0; metric < plan.metrics().size(); metric++) {
            if (findings.prompts(metric) > 0) {
                tables.add(values(backbone, findings, metric));
            }
        }
        tables.add(costs(backbone, findings));
        tables.add(times(backbone, findings));
        if (findings.prompts(0) > 0) {
            if (plan.suites().size() > 1) {
                tables.add(suites(backbone, findings));
            }
            if (plan.strategies().size() > 1) {
                tables.add(comparisons(backbone, findings));
            }
            if (plan.seeds().crossed() && plan.seeds().count() <= MOST_SEEDS_SHOWN) {
                tables.add(seeds(backbone, findings));
            }
        }
        tables.addAll(plateaus(backbone, findings));
        return tables;
    }

    /** Behind the others: how it was computed. */
    private List<Table> withSetup(BackboneSetting backbone, List<Table> tables) {
        List<Table> all = new ArrayList<>(tables);
        setups.stream()
                .filter(setup -> setup.backbone().equals(backbone.name()))
                .forEach(setup -> all.add(setup(backbone, setup)));
        return all;
    }

    private Table setup(BackboneSetting backbone, BackboneSetup setup) {
        SamplingSpec sampling = setup.sampling();
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("model", backbone.id()));
        rows.add(List.of("sampler, schedule", sampling.sampler() + ", " + sampling.schedule()));
        rows.add(List.of("steps", Integer.toString(sampling.steps())));
        rows.add(List.of(
                "guidance",
                BigDecimal.valueOf(sampling.guidanceScale())
                        .stripTrailingZeros()
                        .toPlainString()));
        rows.add(List.of("size", setup.width() + " x " + setup.height()));
        if (!backbone.negative().isEmpty()) {
            rows.add(List.of("negative prompt", backbone.negative()));
        }
        rows.add(List.of("device, precision", plan.basis().device() + ", " + setup.precision()));
        rows.add(List.of("computed by", "Prenoise " + String.join(", ", versions())));
        rows.add(List.of("prompts", Integer.toString(plan.prompts())));
        String values = plan.seeds().values().stream()
                .limit(MOST_SEEDS_SHOWN)
                .map(Long::toUnsignedString)
                .collect(Collectors.joining(", "));
        rows.add(List.of(
                plan.seeds().perPrompt() ? "roots of each prompt's own seeds" : "seeds",
                plan.seeds().count() > MOST_SEEDS_SHOWN
                        ? values + ", ..., " + plan.seeds().count() + " in all"
                        : values));
        return new Table(backbone.name() + ": how it was computed", List.of("", "value"), rows, "");
    }

    /** Against the whole search, and against as much spent without any rule. */
    private List<Table> plateaus(BackboneSetting backbone, StudyFindings findings) {
        List<List<String>> whole = new ArrayList<>();
        List<List<String>> fixed = new ArrayList<>();
        for (Strategy strategy : plan.strategies()) {
            for (double threshold : plan.plateau()) {
                findings.stopped(strategy, new PlateauRule(threshold)).ifPresent(stopped -> {
                    String name = strategy.name() + ", " + threshold
                            + (threshold == PlateauRule.DEFAULT.threshold() ? " (default)" : "");
                    List<String> row = new ArrayList<>(List.of(
                            name,
                            number(stopped.spent(), 1, 1, ""),
                            number(stopped.saved(), 100, 1, ""),
                            stopped.gainLost()
                                    .map(lost -> number(lost, 100, 1, ""))
                                    .orElse("")));
                    row.addAll(differences(stopped.againstWhole()));
                    whole.add(row);
                    row = new ArrayList<>(List.of(name, String.format(Locale.ROOT, "%.1f", stopped.fixed())));
                    row.addAll(differences(stopped.againstFixed()));
                    fixed.add(row);
                });
            }
        }
        if (whole.isEmpty()) {
            return List.of();
        }
        List<String> metrics = plan.metrics().stream()
                .map(metric -> metric.name() + (metric.isShare() ? ", points" : ""))
                .toList();
        List<String> head = new ArrayList<>(List.of("picked by, threshold", "spent", "saved, %", "own gain lost, %"));
        head.addAll(metrics);
        List<String> fixedHead = new ArrayList<>(List.of("picked by, threshold", "first"));
        fixedHead.addAll(metrics);
        return List.of(
                new Table(
                        backbone.name() + ": stopped on a plateau, against all of N = " + plan.candidates(),
                        head,
                        whole,
                        "The product's rule, replayed on candidates in their order. Spent: loss evaluations of losses, pictures of verifiers."
                                + " Own gain lost: of what the whole search gains in its own score over the mean candidate. Metrics: less the"
                                + " whole search's value, so below 0 is lost. The rule is asked from 8 candidates, or starts, on."),
                new Table(
                        backbone.name() + ": stopped on a plateau, against a fixed number at the same mean cost",
                        fixedHead,
                        fixed,
                        "First: how many candidates, or optimised starts, cost as much where every search takes the first so many. Metrics: less"
                                + " what these come to, so above 0 the rule spends where it is worth it. Intervals take that number as given."));
    }

    private List<String> differences(List<Optional<Interval>> byMetric) {
        List<String> cells = new ArrayList<>();
        for (int i = 0; i < byMetric.size(); i++) {
            boolean share = plan.metrics().get(i).isShare();
            cells.add(byMetric.get(i)
                    .map(each -> number(each, share ? 100 : 1, share ? 1 : 3, "+"))
                    .orElse(""));
        }
        return cells;
    }

    /** Whether choices were, or time and memory are all there is to tell. */
    private boolean judged() {
        return plan.pictures() != StudyPlan.Pictures.NONE;
    }

    private Table values(BackboneSetting backbone, StudyFindings findings, int metric) {
        Metric judge = plan.metrics().get(metric);
        List<String> head = new ArrayList<>(List.of("picked by"));
        plan.budgets().forEach(n -> head.add("N = " + n));
        head.add("gain over N = 1");
        head.add("flat from N");
        List<List<String>> rows = new ArrayList<>();
        for (Strategy strategy : plan.strategies()) {
            List<String> row = new ArrayList<>(List.of(strategy.name()));
            plan.budgets().forEach(n -> row.add(shown(judge, findings.value(metric, strategy.name(), "", n))));
            row.add(number(
                    findings.gain(metric, strategy.name()), judge.isShare() ? 100 : 1, judge.isShare() ? 1 : 3, "+"));
            row.add(number(findings.plateau(metric, strategy.name()), 1, 0, ""));
            rows.add(row);
        }
        int left = plan.prompts() - findings.prompts(metric);
        return new Table(
                backbone.name() + ": " + judge.name() + (judge.isShare() ? ", %" : ""),
                head,
                rows,
                "Flat from: the smallest N whose value lies within 1 % of the curve's best."
                        + (left == 0
                                ? ""
                                : " "
                                        + (left == 1
                                                ? "1 prompt that it could not judge is"
                                                : left + " prompts that it could not judge are")
                                        + " left out."));
    }

    private Table costs(BackboneSetting backbone, StudyFindings findings) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of(
                "plain seed",
                "0",
                "0",
                findings.plainVariety().map(StudyReport::three).orElse("")));
        for (Strategy strategy : plan.strategies()) {
            StudyFindings.Cost cost = findings.cost(strategy);
            rows.add(List.of(
                    strategy.name(),
                    one(cost.losses()),
                    one(cost.nfe()),
                    cost.variety().map(StudyReport::three).orElse("")));
        }
        return new Table(
                backbone.name() + ": what picking costs at N = " + plan.candidates()
                        + ", and how different the choices are",
                List.of("picked by", "loss evaluations", "NFE", "variety"),
                rows,
                "Means over prompts and seeds. Variety: the root mean square difference, 0 to 1, of two seeds' choices for one prompt in"
                        + " 8 x 8 pixels; it needs two seeds.");
    }

    private Table times(BackboneSetting backbone, StudyFindings findings) {
        List<List<String>> rows = new ArrayList<>();
        List<String> mixed = new ArrayList<>();
        for (Strategy strategy : plan.strategies()) {
            List<UnitResult> timed = timed(backbone, strategy);
            StudyFindings.Timing timing = findings.timing(strategy, timed);
            List<String> batches = timed.stream()
                    .map(UnitResult::batch)
                    .filter(Objects::nonNull)
                    .distinct()
                    .sorted()
                    .map(String::valueOf)
                    .toList();
            if (batches.size() > 1) {
                mixed.add(strategy.name() + ": " + String.join(" and ", batches));
            }
            rows.add(List.of(
                    strategy.name(),
                    seconds(timing.perLoss()),
                    seconds(timing.perNfe()),
                    seconds(timing.perPicture()),
                    seconds(Optional.of(timing.perSearch())),
                    timing.memory() == 0 ? "" : String.format(Locale.ROOT, "%.0f", timing.memory() / MEGABYTE)));
        }
        return new Table(
                backbone.name() + ": seconds and memory, N = " + plan.candidates(),
                List.of(
                        "picked by",
                        "s per loss evaluation",
                        "s per NFE",
                        "s per picture",
                        "s per search",
                        onCard() ? "peak MB of the host" : "peak MB"),
                rows,
                "Medians over units of work and, in brackets, from the 5th to the 95th percentile. What a strategy follows is in it: gradients"
                        + " of optimised starts and of first-order search, and the judging of pictures"
                        + (judged() ? " by every metric" : "")
                        + "."
                        + (plan.winnersOnly()
                                ? " One pass serves all losses here, with maps of self-attention: a loss that does not read them takes some per"
                                        + " cent less in a search."
                                : "")
                        + " A search's own time, at the largest budget, has no picture of its winner in it where losses pick."
                        + " Peak MB: the most memory resident in the process, weights included"
                        + (onCard() ? "; what is on the device, " + plan.basis().device() + ", is not in it." : ".")
                        + (ranked() > 1
                                ? " Where one process computed several losses, that of the pass that they share: it tells them apart where each"
                                        + " had a process of its own (--strategies)."
                                : "")
                        + (mixed.isEmpty()
                                ? ""
                                : " Units were computed in batches of different sizes, as memory was free ("
                                        + String.join("; ", mixed) + "): the last bits of their numbers may differ."));
    }

    /** Whether what computes has memory that the process's own does not tell of. */
    private boolean onCard() {
        String device = plan.basis().device();
        return !device.isEmpty() && !device.equals("cpu");
    }

    private long ranked() {
        return plan.strategies().stream()
                .filter(strategy -> strategy.kind() == Strategy.Kind.RANK)
                .count();
    }

    private static String seconds(Optional<StudyFindings.Spread> spread) {
        return spread.map(each -> significant(each.median()) + " [" + significant(each.low()) + ", "
                        + significant(each.high()) + "]")
                .orElse("");
    }

    /** Three digits, whatever the scale. */
    static String significant(double value) {
        if (value == 0 || !Double.isFinite(value)) {
            return value == 0 ? "0" : "";
        }
        int digits = Math.max(0, 2 - (int) Math.floor(Math.log10(Math.abs(value))));
        return String.format(Locale.ROOT, "%." + digits + "f", value);
    }

    /** Random search by a verifier is not run: its time is that of the pictures that all share. */
    private List<UnitResult> timed(BackboneSetting backbone, Strategy strategy) {
        Strategy run = strategy.kind() == Strategy.Kind.FOLLOW ? Strategy.PICTURES : strategy;
        List<UnitResult> results = new ArrayList<>();
        for (StudySuite suite : plan.suites()) {
            for (int i = 0; i < suite.prompts().size(); i++) {
                for (List<Long> range : plan.seedRanges(suite.prompts().get(i))) {
                    results.add(
                            store.require(plan.unit(backbone, suite.prompts().get(i), i, run, range)));
                }
            }
        }
        return results;
    }

    private Table suites(BackboneSetting backbone, StudyFindings findings) {
        Metric judge = plan.metrics().get(0);
        List<String> head = new ArrayList<>(List.of("picked by"));
        plan.suites().forEach(suite -> head.add(suite.name()));
        List<List<String>> rows = new ArrayList<>();
        for (Strategy strategy : plan.strategies()) {
            List<String> row = new ArrayList<>(List.of(strategy.name()));
            plan.suites()
                    .forEach(suite ->
                            row.add(shown(judge, findings.value(0, strategy.name(), suite.name(), plan.candidates()))));
            rows.add(row);
        }
        return new Table(
                backbone.name() + ": " + judge.name() + " by suite at N = " + plan.candidates()
                        + (judge.isShare() ? ", %" : ""),
                head,
                rows,
                "");
    }

    private Table comparisons(BackboneSetting backbone, StudyFindings findings) {
        Metric judge = plan.metrics().get(0);
        List<List<String>> rows = new ArrayList<>();
        for (StudyFindings.Comparison each : findings.comparisons(0)) {
            rows.add(List.of(
                    each.second() + " less " + each.first(),
                    number(each.difference(), judge.isShare() ? 100 : 1, judge.isShare() ? 1 : 3, "+"),
                    String.format(Locale.ROOT, "%.4f", each.p()),
                    String.format(Locale.ROOT, "%.4f", each.holm())));
        }
        return new Table(
                backbone.name() + ": " + judge.name() + ", strategies in pairs at N = " + plan.candidates(),
                List.of("", "difference", "p", "p by Holm"),
                rows,
                (plan.seeds().crossed()
                                ? "Paired by prompt and seed; p from the bootstrap over both, both sides."
                                : "Paired over prompts: signs of the differences flipped at random, both sides.")
                        + " Holm: corrected for the number of pairs.");
    }

    /** What few seeds that all share hide in a mean. */
    private Table seeds(BackboneSetting backbone, StudyFindings findings) {
        Metric judge = plan.metrics().get(0);
        double scale = judge.isShare() ? 100 : 1;
        String digits = judge.isShare() ? "%.1f" : "%.3f";
        List<String> head = new ArrayList<>(List.of(""));
        plan.seeds().values().forEach(seed -> head.add("seed " + Long.toUnsignedString(seed)));
        List<List<String>> rows = new ArrayList<>();
        for (Strategy strategy : plan.strategies()) {
            List<String> before = new ArrayList<>(List.of(strategy.name() + ", N = 1"));
            List<String> gain = new ArrayList<>(List.of(strategy.name() + ", gain at N = " + plan.candidates()));
            List<String> same = new ArrayList<>(List.of(strategy.name() + ", picked most, % of prompts"));
            for (int seed = 0; seed < plan.seeds().count(); seed++) {
                double one = findings.ofSeed(0, strategy.name(), seed, 1);
                double all = findings.ofSeed(0, strategy.name(), seed, plan.candidates());
                before.add(String.format(Locale.ROOT, digits, scale * one));
                gain.add(String.format(Locale.ROOT, digits.replace("%", "%+"), scale * (all - one)));
                findings.samePick(strategy, seed)
                        .ifPresent(share -> same.add(String.format(Locale.ROOT, "%.0f", 100 * share)));
            }
            rows.add(before);
            rows.add(gain);
            if (same.size() == head.size()) {
                rows.add(same);
            }
        }
        return new Table(
                backbone.name() + ": " + judge.name() + " by seed" + (judge.isShare() ? ", %" : ""),
                head,
                rows,
                "All prompts share these seeds. Picked most: for how many of the prompts the same candidate is chosen, the one that is chosen most"
                        + " often; 100 where the choice does not depend on the prompt.");
    }

    private static String shown(Metric metric, Optional<Interval> value) {
        return value.map(interval -> number(interval, metric.isShare() ? 100 : 1, metric.isShare() ? 1 : 3, ""))
                .orElse("");
    }

    private static String number(Interval interval, double scale, int digits, String sign) {
        String each = "%" + sign + "." + digits + "f";
        return String.format(
                Locale.ROOT,
                each + " [" + each + ", " + each + "]",
                scale * interval.estimate(),
                scale * interval.low(),
                scale * interval.high());
    }

    private static String one(double value) {
        return String.format(Locale.ROOT, "%.1f", value);
    }

    private static String three(double value) {
        return String.format(Locale.ROOT, "%.3f", value);
    }

    // ---- curves ----

    private List<CurveChart.Panel> panels(StudyFindings findings) {
        List<CurveChart.Panel> panels = new ArrayList<>();
        for (int metric = 0; judged() && metric < plan.metrics().size(); metric++) {
            if (findings.prompts(metric) > 0) {
                panels.add(panel(findings, metric));
            }
        }
        return panels;
    }

    private String svg(Found each) {
        return CurveChart.svg(each.panels(), plan.sizes(), plan.budgets(), "N", each.columns(), true);
    }

    private CurveChart.Panel panel(StudyFindings findings, int metric) {
        List<CurveChart.Curve> curves = new ArrayList<>();
        for (Strategy strategy : plan.strategies()) {
            curves.add(new CurveChart.Curve(
                    strategy.name(),
                    plan.sizes().stream()
                            .map(n -> findings.value(metric, strategy.name(), "", n)
                                    .orElseThrow())
                            .toList()));
        }
        return new CurveChart.Panel(plan.metrics().get(metric).name(), "mean over prompts", curves);
    }

    private List<Found> drawn() {
        return found.stream().filter(each -> !each.panels().isEmpty()).toList();
    }

    /** One SVG for each backbone, by its name. */
    Map<String, String> curves() {
        Map<String, String> curves = new LinkedHashMap<>();
        drawn().forEach(each -> curves.put(each.backbone().name(), svg(each)));
        return curves;
    }

    /** The same as PNG. */
    Map<String, byte[]> curvePictures() {
        Map<String, byte[]> curves = new LinkedHashMap<>();
        drawn().forEach(each -> curves.put(
                each.backbone().name(),
                CurveChart.png(each.panels(), plan.sizes(), plan.budgets(), "N", each.columns(), true)));
        return curves;
    }

    /** A contact sheet as PNG for each backbone and suite, by their names; none where no picture was kept. */
    Map<String, byte[]> sheetPictures() {
        Map<String, byte[]> sheets = new LinkedHashMap<>();
        for (Found each : found) {
            for (StudySuite suite : plan.shown() == 0 ? List.<StudySuite>of() : plan.suites()) {
                sheets.put(
                        each.backbone().name() + "-" + suite.name(),
                        new ContactSheet(plan, store, each.backbone()).png(suite));
            }
        }
        return sheets;
    }

    // ---- documents ----

    String markdown() {
        StringBuilder out = new StringBuilder("# " + plan.title() + "\n\n" + summary() + "\n\n");
        found.forEach(each -> each.tables().forEach(table -> out.append(table.markdown())));
        return out.toString();
    }

    String latex() {
        StringBuilder out = new StringBuilder("% " + plan.title() + ": " + summary() + "\n\n");
        found.forEach(each -> each.tables().forEach(table -> out.append(table.latex())));
        return out.toString();
    }

    String html() {
        StringBuilder out = new StringBuilder();
        out.append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
                .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>")
                .append(Table.escaped(plan.title()))
                .append("</title>\n<style>\n")
                .append(STYLE)
                .append("</style>\n</head>\n<body>\n<main>\n<h1>")
                .append(Table.escaped(plan.title()))
                .append("</h1>\n<p>")
                .append(Table.escaped(summary()))
                .append("</p>\n");
        for (Found each : found) {
            out.append("<section>\n<h2>")
                    .append(Table.escaped(each.backbone().name()))
                    .append("</h2>\n");
            if (!each.panels().isEmpty()) {
                out.append("<figure>\n")
                        .append(svg(each))
                        .append("<figcaption>")
                        .append(
                                plan.winnersOnly()
                                        ? "What the first N candidates come to from each seed"
                                        : "Expectations over subsets, exact but for mean ranks and searches that walk on")
                        .append("; bands are 95 % intervals over ")
                        .append(drawnAnew())
                        .append(".</figcaption>\n</figure>\n");
            }
            each.tables().forEach(table -> out.append(table.html()));
            out.append(new ContactSheet(plan, store, each.backbone()).html());
            out.append("</section>\n");
        }
        return out.append("</main>\n</body>\n</html>\n").toString();
    }

    private static final String STYLE = """
            :root { color-scheme: light; }
            body { margin: 0; background: #fafaf7; color: #20242a; font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
            main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
            h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .6rem; }
            h2 { font-size: 1.35rem; margin: 2.6rem 0 .8rem; padding-top: 1rem; border-top: 2px solid #20242a; }
            h3 { font-size: 1rem; margin: 2rem 0 .5rem; }
            p { max-width: 46rem; }
            figure { margin: 1rem 0; padding: .8rem; background: #fff; border: 1px solid #e2e2dc; border-radius: 6px; }
            figure svg { width: 100%; height: auto; display: block; }
            figcaption, .note { color: #5c626b; font-size: .85rem; margin-top: .5rem; }
            .wide { overflow-x: auto; background: #fff; border: 1px solid #e2e2dc; border-radius: 6px; }
            table { border-collapse: collapse; width: 100%; font-size: .82rem; font-variant-numeric: tabular-nums; }
            th, td { padding: .4rem .7rem; text-align: right; white-space: nowrap; }
            th:first-child, td:first-child { text-align: left; }
            thead th { background: #f1f1ec; font-weight: 600; }
            tbody tr + tr td { border-top: 1px solid #eeeee9; }
            .sheet td { padding: .35rem; text-align: center; vertical-align: bottom; }
            .sheet td:first-child { text-align: left; white-space: normal; min-width: 11rem; vertical-align: middle; }
            .sheet th { text-align: center; }
            .sheet img { width: 96px; height: 96px; object-fit: contain; image-rendering: pixelated; display: block; margin: auto; }
            """;
}
