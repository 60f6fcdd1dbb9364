package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.UnknownBackboneException;
import dev.prenoise.shapes.PromptSuite;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelComparisonTest {
    @TempDir
    private Path folder;

    @Test
    void run_ofAModelBesideItself_findsNoDifference_andGoesOnWhereItWasStopped() throws Exception {
        Path out = folder.resolve("out");
        Files.createDirectories(out);
        Files.writeString(out.resolve("table.md"), "of another run");
        List<String> told = new ArrayList<>();
        List<Boolean> tables = new ArrayList<>();
        String csv;
        String table;
        try (ModelCatalog catalog = Catalogs.create(folder.resolve("cache"), List.of(), "cpu")) {
            assertThatIllegalStateException()
                    .isThrownBy(() -> comparison(catalog, "1").run(out, (known, of) -> {
                        told.add(known + " of " + of);
                        tables.add(Files.exists(out.resolve("table.md")));
                        stopAt(3, known);
                    }))
                    .withMessage("stopped");
            assertThat(told)
                    .as("a model beside itself draws once")
                    .containsExactly("0 of 4", "1 of 4", "2 of 4", "3 of 4");
            assertThat(tables).as("a table from the first suite on").containsExactly(false, false, false, true);
            String before = Files.readString(out.resolve("pictures.csv"));
            assertThat(before.lines()).as("of the first suite").hasSize(1 + 2 * 2 * 2);

            told.clear();
            comparison(catalog, "1").run(out, (known, of) -> told.add(known + " of " + of));
            assertThat(told).as("what was drawn stays").containsExactly("3 of 4", "4 of 4");
            csv = Files.readString(out.resolve("pictures.csv"));
            assertThat(csv).startsWith(before);
            table = Files.readString(out.resolve("table.md"));

            comparison(catalog, "1").run(out, (known, of) -> assertThat(known).isEqualTo(4));
            assertThat(out.resolve("pictures.csv")).hasContent(csv);
            assertThat(out.resolve("table.md")).hasContent(table);

            assertThatIllegalStateException()
                    .as("another version's numbers are others")
                    .isThrownBy(() -> comparison(catalog, "2").run(out, (known, of) -> stopAt(0, known)));
            assertThat(Files.readAllLines(out.resolve("rows.jsonl"))).hasSize(4);
        }

        List<String> rows = csv.lines().toList();
        assertThat(rows).hasSize(1 + 2 * 2 * 2 * 2);
        assertThat(rows.get(0)).isEqualTo("suite,prompt,candidate,model,complete,score");
        assertThat(rows.subList(1, 3)).as("the second model's").isEqualTo(rows.subList(3, 5));
        assertThat(rows.get(1)).isNotEqualTo(rows.get(2).replace(",1,\"shapes\"", ",0,\"shapes\""));
        assertThat(rows.get(1)).startsWith("two_objects,\"a ").contains(",0,\"shapes\",");
        long complete =
                rows.stream().filter(row -> row.contains("\"shapes\",1,")).count();
        assertThat(table)
                .contains("| complete, % | shapes | shapes | shapes less shapes, points |")
                .contains("| +0.0 [+0.0, +0.0] |")
                .contains("| two_objects | ")
                .contains("| all together | " + String.format(Locale.ROOT, "%.1f", 100 * complete / 16.0) + " [");
    }

    private static ModelComparison comparison(ModelCatalog catalog, String version) {
        return new ModelComparison(
                catalog,
                version,
                List.of("shapes", ""),
                List.of(PromptSuite.TWO_OBJECTS, PromptSuite.COUNTING),
                3,
                2,
                2);
    }

    private static void stopAt(int last, int known) {
        if (known == last) {
            throw new IllegalStateException("stopped");
        }
    }

    @Test
    void comparison_ofNothing_orOfWhatIsNotThere_isRefused() {
        try (ModelCatalog catalog = Catalogs.create(folder.resolve("cache"), List.of(), "cpu")) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> new ModelComparison(
                            catalog, "1", List.of("shapes"), List.of(PromptSuite.COUNTING), 1, 1, 1))
                    .withMessage("prompts: 1, candidates: 1 (expected: >= 2, >= 1)");
            assertThatIllegalArgumentException()
                    .as("a prompt that came twice would count as two")
                    .isThrownBy(() -> new ModelComparison(
                            catalog,
                            "1",
                            List.of("shapes"),
                            List.of(PromptSuite.COUNTING, PromptSuite.SHAPE_SHAPE),
                            1,
                            57,
                            1))
                    .withMessage("prompts: 57 (expected: 2 to 56, as many as shape_shape has)");
            assertThatIllegalArgumentException()
                    .isThrownBy(
                            () -> new ModelComparison(catalog, "1", List.of(), List.of(PromptSuite.COUNTING), 1, 2, 1))
                    .withMessageContaining("expected: at least one of each");
            Assertions.assertThatExceptionOfType(UnknownBackboneException.class)
                    .isThrownBy(() ->
                            new ModelComparison(catalog, "1", List.of("no"), List.of(PromptSuite.COUNTING), 1, 2, 1));
        }
    }
}
