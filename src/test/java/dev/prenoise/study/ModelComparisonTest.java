package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.UnknownBackboneException;
import dev.prenoise.shapes.PromptSuite;
import java.io.IOException;
import java.io.UncheckedIOException;
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
    void run_ofAModelBesideItself_drawsTheSameTwice_andFindsNoDifference() throws Exception {
        List<Integer> done = new ArrayList<>();
        List<Long> written = new ArrayList<>();
        List<Boolean> tables = new ArrayList<>();
        Files.createDirectories(folder.resolve("out"));
        Files.writeString(folder.resolve("out/table.md"), "of another run");
        try (ModelCatalog catalog = Catalogs.create(folder.resolve("cache"), List.of(), "cpu")) {
            new ModelComparison(
                            catalog,
                            List.of("shapes", ""),
                            List.of(PromptSuite.TWO_OBJECTS, PromptSuite.COUNTING),
                            3,
                            2,
                            2)
                    .run(folder.resolve("out"), prompts -> {
                        done.add(prompts);
                        written.add(lines(folder.resolve("out/pictures.csv")));
                        tables.add(Files.exists(folder.resolve("out/table.md")));
                    });
        }

        assertThat(written).as("lines after each prompt").containsExactly(5L, 9L, 13L, 17L);
        assertThat(tables).as("a table from the first suite on").containsExactly(false, false, true, true);
        assertThat(done).containsExactly(1, 2, 3, 4);
        List<String> rows = Files.readAllLines(folder.resolve("out/pictures.csv"));
        assertThat(rows).hasSize(1 + 2 * 2 * 2 * 2);
        assertThat(rows.get(0)).isEqualTo("suite,prompt,candidate,model,complete,score");
        assertThat(rows.subList(1, 3)).as("the second model's").isEqualTo(rows.subList(3, 5));
        assertThat(rows.get(1)).isNotEqualTo(rows.get(2).replace(",1,\"shapes\"", ",0,\"shapes\""));
        assertThat(rows.get(1)).startsWith("two_objects,\"a ").contains(",0,\"shapes\",");
        long complete =
                rows.stream().filter(row -> row.contains("\"shapes\",1,")).count();
        String table = Files.readString(folder.resolve("out/table.md"));
        assertThat(table)
                .contains("| complete, % | shapes | shapes | shapes less shapes, points |")
                .contains("| +0.0 [+0.0, +0.0] |")
                .contains("| two_objects | ")
                .contains("| all together | " + String.format(Locale.ROOT, "%.1f", 100 * complete / 16.0) + " [");
    }

    private static long lines(Path file) {
        try {
            return Files.readAllLines(file).size();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void comparison_ofNothing_orOfWhatIsNotThere_isRefused() {
        try (ModelCatalog catalog = Catalogs.create(folder.resolve("cache"), List.of(), "cpu")) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() ->
                            new ModelComparison(catalog, List.of("shapes"), List.of(PromptSuite.COUNTING), 1, 1, 1))
                    .withMessage("prompts: 1, candidates: 1 (expected: >= 2, >= 1)");
            assertThatIllegalArgumentException()
                    .as("a prompt that came twice would count as two")
                    .isThrownBy(() -> new ModelComparison(
                            catalog,
                            List.of("shapes"),
                            List.of(PromptSuite.COUNTING, PromptSuite.SHAPE_SHAPE),
                            1,
                            57,
                            1))
                    .withMessage("prompts: 57 (expected: 2 to 56, as many as shape_shape has)");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> new ModelComparison(catalog, List.of(), List.of(PromptSuite.COUNTING), 1, 2, 1))
                    .withMessageContaining("expected: at least one of each");
            Assertions.assertThatExceptionOfType(UnknownBackboneException.class)
                    .isThrownBy(
                            () -> new ModelComparison(catalog, List.of("no"), List.of(PromptSuite.COUNTING), 1, 2, 1));
        }
    }
}
