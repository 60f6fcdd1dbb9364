package dev.prenoise.study;

import dev.prenoise.shapes.Interval;
import dev.prenoise.shapes.OracleVerifier;
import dev.prenoise.shapes.Statistics;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** What a {@link VerifierStudy} has found, as tables in Markdown and curves in SVG. Intervals are 95 % bootstraps over prompts. */
final class VerifierStudyReport {
    private static final int RESAMPLES = 2000;

    private final List<List<StudyRows.Row>> prompts;
    private final List<String> values;
    private final List<String> judges;
    private final List<Integer> checkpoints;
    private final double seconds;
    private final long seed;

    /**
     * @param values names of the rows' values
     * @param judges what searches followed
     */
    VerifierStudyReport(
            List<List<StudyRows.Row>> prompts,
            List<String> values,
            List<String> judges,
            List<Integer> checkpoints,
            double seconds,
            long seed) {
        this.prompts = prompts;
        this.values = values;
        this.judges = judges;
        this.checkpoints = checkpoints;
        this.seconds = seconds;
        this.seed = seed;
    }

    private int last() {
        return checkpoints.get(checkpoints.size() - 1);
    }

    /** In the order in which they were run. */
    private List<String> searches(String judge) {
        Set<String> names = new LinkedHashSet<>();
        for (StudyRows.Row row : prompts.get(0)) {
            if (row.judgedBy().equals(judge)) {
                names.add(row.search());
            }
        }
        return List.copyOf(names);
    }

    /** One value for each prompt. */
    private double[] column(String judge, String search, int nfe, String value) {
        int place = values.indexOf(value);
        return prompts.stream()
                .mapToDouble(rows -> rows.stream()
                        .filter(row -> row.isOf(judge, search) && row.nfe() == nfe)
                        .findFirst()
                        .orElseThrow(() -> new IllegalStateException("rows: none of " + judge + ", " + search + " at "
                                + nfe + " NFE (expected: one a prompt)"))
                        .values()[place])
                .toArray();
    }

    private double[] plain(String value) {
        return column(VerifierStudy.PLAIN, VerifierStudy.PLAIN, plainSpend(), value);
    }

    private int plainSpend() {
        return prompts.get(0).stream()
                .filter(row -> row.search().equals(VerifierStudy.PLAIN))
                .findFirst()
                .orElseThrow()
                .nfe();
    }

    /** The verifiers' names, without the oracle. */
    private List<String> verifiers() {
        return values.stream().filter(VerifierStudy.VERIFIERS::contains).toList();
    }

    String tables(int steps) {
        StringBuilder out = new StringBuilder();
        out.append(String.format(
                Locale.ROOT,
                "%d prompts, seed %d, pictures of %d steps, %d NFE for each search, %.0f s. [95 %% interval over prompts].%n",
                prompts.size(),
                seed,
                steps,
                last(),
                seconds));
        atEqualBudgets(out);
        againstSpend(out, VerifierStudy.COMPLETE, "complete, %", 100, 1);
        againstSpend(out, OracleVerifier.NAME, "the oracle's score", 1, 3);
        hacking(out);
        return out.toString();
    }

    private void atEqualBudgets(StringBuilder out) {
        out.append("\n| chosen by | search | complete, % | over the plain seed | oracle's score |");
        verifiers().forEach(name -> out.append(' ').append(name).append(" |"));
        out.append(" not worse than candidate 0, % by its own score / by the oracle |\n|---|---|---|---|---|");
        verifiers().forEach(name -> out.append("---|"));
        out.append("---|\n");
        line(out, VerifierStudy.PLAIN, "", VerifierStudy.PLAIN, plainSpend());
        for (String judge : judges) {
            for (String search : searches(judge)) {
                line(out, judge, search, search, last());
            }
        }
    }

    private void line(StringBuilder out, String judge, String title, String search, int nfe) {
        out.append("| ").append(judge).append(" | ").append(title).append(" | ");
        double[] complete = column(judge, search, nfe, VerifierStudy.COMPLETE);
        out.append(number(Statistics.mean(complete, RESAMPLES, seed), 100, 1, "%."))
                .append(" | ");
        out.append(number(
                        Statistics.difference(plain(VerifierStudy.COMPLETE), complete, RESAMPLES, seed), 100, 1, "%+."))
                .append(" | ");
        out.append(mean(judge, search, nfe, OracleVerifier.NAME)).append(" | ");
        verifiers().forEach(name -> out.append(mean(judge, search, nfe, name)).append(" | "));
        out.append(share(judge, search, nfe, VerifierStudy.NOT_WORSE))
                .append(" / ")
                .append(share(judge, search, nfe, VerifierStudy.NOT_WORSE_ORACLE))
                .append(" |\n");
    }

    private String mean(String judge, String search, int nfe, String value) {
        return number(Statistics.mean(column(judge, search, nfe, value), RESAMPLES, seed), 1, 3, "%.");
    }

    private String share(String judge, String search, int nfe, String value) {
        double mean =
                Statistics.mean(column(judge, search, nfe, value), 1, seed).estimate();
        return String.format(Locale.ROOT, "%.0f", 100 * mean);
    }

    private static String number(Interval interval, double scale, int digits, String sign) {
        String each = sign + digits + "f";
        return String.format(
                Locale.ROOT,
                each + " [" + each + ", " + each + "]",
                scale * interval.estimate(),
                scale * interval.low(),
                scale * interval.high());
    }

    private void againstSpend(StringBuilder out, String value, String title, double scale, int digits) {
        out.append("\n| ").append(title).append(", at NFE | search |");
        checkpoints.forEach(nfe -> out.append(' ').append(nfe).append(" |"));
        out.append("\n|---|---|");
        checkpoints.forEach(nfe -> out.append("---|"));
        out.append('\n');
        for (String judge : judges) {
            for (String search : searches(judge)) {
                out.append("| ").append(judge).append(" | ").append(search).append(" |");
                for (int nfe : checkpoints) {
                    double mean = Statistics.mean(column(judge, search, nfe, value), 1, seed)
                            .estimate();
                    out.append(String.format(Locale.ROOT, " %." + digits + "f |", scale * mean));
                }
                out.append('\n');
            }
        }
    }

    /** From the spend at which the oracle likes the choice best to the last. */
    private void hacking(StringBuilder out) {
        List<String> found = new ArrayList<>();
        for (String judge : verifiers()) {
            for (String search : searches(judge)) {
                int peak = peak(judge, search);
                Interval own = change(judge, search, peak, judge);
                Interval oracle = change(judge, search, peak, OracleVerifier.NAME);
                if (own.estimate() > 0 && oracle.estimate() < 0) {
                    found.add(String.format(
                            Locale.ROOT,
                            "| %s | %s | %d to %d | %s | %s | %s |%n",
                            judge,
                            search,
                            peak,
                            last(),
                            number(own, 1, 4, "%+."),
                            number(oracle, 1, 4, "%+."),
                            own.low() > 0 && oracle.high() < 0 ? "yes" : "no"));
                }
            }
        }
        if (found.isEmpty()) {
            out.append("\nNo verifier's own score rises while the oracle's falls.\n");
            return;
        }
        out.append(
                "\n| own score rises, the oracle's falls | search | NFE | own | oracle | both intervals leave out 0 |\n");
        out.append("|---|---|---|---|---|---|\n");
        found.forEach(out::append);
    }

    private int peak(String judge, String search) {
        int peak = checkpoints.get(0);
        double highest = Double.NEGATIVE_INFINITY;
        for (int nfe : checkpoints) {
            double mean = Statistics.mean(column(judge, search, nfe, OracleVerifier.NAME), 1, seed)
                    .estimate();
            if (mean > highest) {
                highest = mean;
                peak = nfe;
            }
        }
        return peak;
    }

    private Interval change(String judge, String search, int from, String value) {
        return Statistics.difference(
                column(judge, search, from, value), column(judge, search, last(), value), RESAMPLES, seed);
    }

    /** A row of panels for the oracle's score, one a judge, and below it one for the judge's own. */
    String curves() {
        List<CurveChart.Panel> panels = new ArrayList<>();
        for (String judge : judges) {
            panels.add(panel("chosen by " + judge, "oracle's score", judge, OracleVerifier.NAME));
        }
        for (String judge : judges) {
            if (verifiers().contains(judge)) {
                panels.add(panel("chosen by " + judge, judge, judge, judge));
            }
        }
        return CurveChart.svg(panels, checkpoints, "NFE", judges.size());
    }

    private CurveChart.Panel panel(String title, String axis, String judge, String value) {
        List<CurveChart.Curve> curves = new ArrayList<>();
        for (String search : searches(judge)) {
            curves.add(new CurveChart.Curve(
                    search,
                    checkpoints.stream()
                            .map(nfe -> Statistics.mean(column(judge, search, nfe, value), RESAMPLES, seed))
                            .toList()));
        }
        return new CurveChart.Panel(title, axis, curves);
    }
}
