package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.Model;
import dev.prenoise.engine.ModelCatalog;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShapesStudyTest {
    @TempDir
    Path folder;

    @Test
    void run_afterAStopInTheMiddle_endsAsIfUndisturbed() throws IOException {
        try (ModelCatalog catalog = Catalogs.create(folder.resolve("cache"), List.of(), "cpu")) {
            Model model = catalog.open("shapes");
            Path whole = folder.resolve("whole");
            new ShapesStudy(model, 1, 3, 2).run(whole, done -> {});
            List<String> rows = Files.readAllLines(whole.resolve("candidates.csv"));
            assertThat(rows).hasSize(1 + 3 * 2);
            assertThat(rows.get(0))
                    .isEqualTo("prompt,candidate,seed,initno,conform,self-cross,attend-and-excite,shown,exact");
            assertThat(rows.get(1)).matches("a \\w+ \\w+ and a \\w+ \\w+,0,\\d+(,[0-9.E-]+){4},[01],[01]");

            Path parts = folder.resolve("parts");
            new ShapesStudy(model, 1, 2, 2).run(parts, done -> {});
            // a stop that came after half of the next prompt's scores
            Files.writeString(parts.resolve("scores.csv"), "1,2,3,4\n", StandardOpenOption.APPEND);
            new ShapesStudy(model, 1, 3, 2).run(parts, done -> {});

            for (String file : List.of("candidates.csv", "table.md", "pictures.rgb")) {
                assertThat(parts.resolve(file)).hasSameBinaryContentAs(whole.resolve(file));
            }
            assertThatThrownBy(() -> new ShapesStudy(model, 2, 3, 2).run(parts, done -> {}))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("holds another study, seed 1, 2 candidates (expected: seed 2, 2 candidates)");
        }
    }
}
