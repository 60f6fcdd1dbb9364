package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.ModelCatalog;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VerifierStudyTest {
    @TempDir
    Path folder;

    @Test
    void run_afterAStopInTheMiddle_endsAsIfUndisturbed() throws IOException {
        try (ModelCatalog catalog = Catalogs.create(folder.resolve("cache"), List.of(), "cpu")) {
            Path whole = folder.resolve("whole");
            new VerifierStudy(catalog, 1, 3, 9, 3).run(whole, done -> {});
            Path parts = folder.resolve("parts");
            new VerifierStudy(catalog, 1, 2, 9, 3).run(parts, done -> {});
            // a stop in the middle of the next prompt
            Files.writeString(
                    parts.resolve("rows.tsv"), "a red circle\toracle\trandom\t3\t0.5", StandardOpenOption.APPEND);
            new VerifierStudy(catalog, 1, 3, 9, 3).run(parts, done -> {});

            assertThat(timeless(parts.resolve("rows.tsv"))).isEqualTo(timeless(whole.resolve("rows.tsv")));
            assertThat(parts.resolve("curves.svg")).hasSameTextualContentAs(whole.resolve("curves.svg"));
            assertThatThrownBy(() -> new VerifierStudy(catalog, 2, 3, 9, 3).run(parts, done -> {}))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("holds another study")
                    .hasMessageContaining("seed 2");

            List<StudyRows.Row> rows = new ArrayList<>();
            List<String> values =
                    List.of(Files.readAllLines(whole.resolve("rows.tsv")).get(1).split("\t"));
            StudyRows.open(
                            whole.resolve("rows.tsv"),
                            timeless(whole.resolve("rows.tsv")).get(0).substring(2),
                            values.subList(4, values.size()))
                    .prompts()
                    .forEach(rows::addAll);
            int own = values.indexOf(VerifierStudy.NOT_WORSE) - 4;
            // an expectation over subsets, whose weights add up to 1 but for rounding
            assertThat(rows).allSatisfy(row -> assertThat(row.values()[own]).isCloseTo(1, within(1e-12)));
            // The oracle's own score never falls when it chooses, whoever proposes.
            for (StudyRows.Row row : rows) {
                if (row.judgedBy().equals("oracle") && row.nfe() == 9) {
                    StudyRows.Row plain = rows.stream()
                            .filter(each -> each.prompt().equals(row.prompt()) && each.isOf("plain seed", "plain seed"))
                            .findFirst()
                            .orElseThrow();
                    assertThat(row.values()[0]).isGreaterThanOrEqualTo(plain.values()[0]);
                }
            }
            assertThat(rows).anySatisfy(row -> assertThat(row.isOf("oracle", "cascade, initno"))
                    .isTrue());
        }
    }

    /** Without how long each prompt took. */
    private static List<String> timeless(Path rows) throws IOException {
        return Files.readAllLines(rows).stream()
                .filter(line -> !line.startsWith("# done"))
                .toList();
    }

    @Test
    void study_ofNumbersOutOfRange_isRefused() {
        try (ModelCatalog catalog = Catalogs.create(folder.resolve("cache"), List.of(), "cpu")) {
            assertThatThrownBy(() -> new VerifierStudy(catalog, 1, 3, 5, 6))
                    .hasMessage("prompts: 3, steps: 6, nfe: 5 (expected: >= 2, >= 3, >= steps)");
        }
    }
}
