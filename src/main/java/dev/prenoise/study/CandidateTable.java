package dev.prenoise.study;

import dev.prenoise.noise.Seeds;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * All candidates of a study as CSV, a line each (RFC 4180): what other programs begin with. No Parquet: its Java writer brings Hadoop along, and
 * whoever wants it makes it of this file with one line of DuckDB or pandas.
 */
final class CandidateTable {
    private static final String HEAD =
            "backbone,suite,prompt,strategy,seed,candidate,noise_seed,score,loss_evaluations,nfe,success";

    private CandidateTable() {}

    static void write(Path file, StudyPlan plan, ResultStore store) throws IOException {
        try (Writer out = Files.newBufferedWriter(file)) {
            out.write(HEAD);
            for (Metric metric : plan.metrics()) {
                out.write("," + quoted(metric.name()));
            }
            out.write("\n");
            List<Strategy> strategies = new ArrayList<>(plan.sharesPictures() ? List.of(Strategy.PICTURES) : List.of());
            plan.strategies().stream()
                    .filter(strategy -> strategy.kind() != Strategy.Kind.FOLLOW)
                    .forEach(strategies::add);
            for (BackboneSetting backbone : plan.backbones()) {
                for (StudySuite suite : plan.suites()) {
                    for (int i = 0; i < suite.prompts().size(); i++) {
                        for (Strategy strategy : strategies) {
                            for (List<Long> range :
                                    plan.seedRanges(suite.prompts().get(i))) {
                                Unit unit = plan.unit(backbone, suite.prompts().get(i), i, strategy, range);
                                String begin = quoted(backbone.name()) + "," + quoted(suite.name()) + ","
                                        + quoted(unit.prompt().text()) + "," + quoted(strategy.name()) + ",";
                                for (UnitResult.Row row : store.require(unit).rows()) {
                                    for (UnitResult.Row form : row.forms()) {
                                        out.write(begin
                                                + line(
                                                        form,
                                                        strategy,
                                                        plan.metrics().size()));
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    private static String line(UnitResult.Row row, Strategy strategy, int metrics) {
        List<String> cells = new ArrayList<>();
        cells.add(Long.toUnsignedString(row.seed()));
        cells.add(String.valueOf(row.index()));
        // what a search that walks on comes by is no seed's plain noise
        cells.add(
                strategy.kind().sequential() && row.index() > 0
                        ? ""
                        : Long.toUnsignedString(Seeds.candidate(row.seed(), row.index())));
        cells.add(number(row.score()));
        cells.add(String.valueOf(row.losses()));
        cells.add(String.valueOf(row.nfe()));
        cells.add(strategy.kind() == Strategy.Kind.OPTIMIZE ? row.success() ? "1" : "0" : "");
        for (int i = 0; i < metrics; i++) {
            cells.add(row.values().isEmpty() ? "" : number(row.values().get(i)));
        }
        return cells.stream().collect(Collectors.joining(",", "", "\n"));
    }

    private static String number(double value) {
        return Double.isNaN(value) ? "" : String.valueOf(value);
    }

    private static String quoted(String cell) {
        return cell.matches("[^,\"\r\n]*") ? cell : '"' + cell.replace("\"", "\"\"") + '"';
    }
}
