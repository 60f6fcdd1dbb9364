package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.tensor.Compute;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LossBenchmarkTest {
    @Test
    void answer_threeLines_evaluatesThreeNoisesInTurnHoweverTheyAreBatched() throws IOException {
        List<String> single = answers("initno", false, 1, 3);
        List<String> gradient = answers("initno", true, 1, 3);
        List<String> pairs = answers("initno", false, 2, 2);
        assertThat(single).hasSize(4);
        assertThat(single.get(0)).startsWith("{\"ready\": \"initno\"");
        assertThat(single.get(1)).matches("\\{\"noise\": 0, \"loss\": [0-9.]+}");
        assertThat(single.subList(1, 4)).doesNotHaveDuplicates();
        assertThat(gradient).isEqualTo(single);
        assertThat(pairs.get(2)).startsWith("{\"noise\": 2,");
        assertThat(loss(pairs.get(2))).isCloseTo(loss(single.get(3)), within(1e-4));
    }

    @Test
    void profile_builtInShape_countsMostTimeInsideLibtorch() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (LossBenchmark benchmark = LossBenchmark.shapes(Compute.cpu(), Precision.AUTO)) {
            benchmark.profile(new PrintStream(bytes, true, StandardCharsets.UTF_8), 3);
        }
        assertThat(bytes.toString(StandardCharsets.UTF_8))
                .contains("matrix peak", "convolutions", "linear layers", "of the matrix peak")
                .doesNotContain("NaN", "Infinity");
    }

    @Test
    void checkpoint_missing_saysWhatWasExpected(@TempDir Path folder) {
        Path missing = folder.resolve("none.safetensors");
        assertThatThrownBy(() -> LossBenchmark.checkpoint(missing, 0, Compute.cpu(), Precision.AUTO))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(missing.toString())
                .hasMessageContaining("expected: ");
    }

    private static double loss(String line) {
        return Double.parseDouble(line.replaceAll(".*\"loss\": ([0-9.]+)}", "$1"));
    }

    private static List<String> answers(String loss, boolean gradient, int batch, int lines) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (LossBenchmark benchmark = LossBenchmark.shapes(Compute.cpu(), Precision.AUTO)) {
            benchmark.answer(
                    new BufferedReader(new StringReader("go\n".repeat(lines))),
                    new PrintStream(bytes, true, StandardCharsets.UTF_8),
                    loss,
                    gradient,
                    batch);
        }
        return bytes.toString(StandardCharsets.UTF_8).lines().toList();
    }
}
