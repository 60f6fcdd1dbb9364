package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringReader;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VerifierBenchmarkTest {
    @TempDir
    private Path folder;

    @Test
    void answer_toEveryLine_isTheSameScoresOfDifferentPictures() throws IOException {
        Path clip = Files.createDirectories(folder.resolve("verifiers/PickScore_v1"));
        for (String file : List.of("verifier/clip/clip/config.json", "verifier/clip/clip/model.safetensors")) {
            copy(file, clip);
        }
        for (String file : List.of("text/clip-tiny/vocab.json", "text/clip-tiny/merges.txt")) {
            copy(file, clip);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        CatalogOptions options =
                CatalogOptions.of(folder.resolve("cache")).withVerifiers(List.of(folder.resolve("verifiers")));
        try (ModelCatalog catalog = Catalogs.create(options)) {
            VerifierBenchmark.answer(
                    new BufferedReader(new StringReader("go\ngo\n")),
                    new PrintStream(out, true, StandardCharsets.UTF_8),
                    catalog.verifiers(),
                    "pick",
                    2);
        }
        List<String> lines = out.toString(StandardCharsets.UTF_8).lines().toList();
        assertThat(lines).hasSize(3).startsWith("{\"ready\": true}");
        assertThat(lines.get(2)).isEqualTo(lines.get(1));
        JsonArray scores =
                JsonParser.parseString(lines.get(1)).getAsJsonObject().getAsJsonArray("scores");
        assertThat(scores).hasSize(2);
        assertThat(scores.get(0).getAsDouble())
                .isBetween(-Math.exp(3), Math.exp(3))
                .isNotEqualTo(scores.get(1).getAsDouble());
    }

    private static void copy(String resource, Path to) throws IOException {
        URL url = Objects.requireNonNull(VerifierBenchmarkTest.class.getResource("/" + resource));
        try {
            Path file = Path.of(url.toURI());
            Files.copy(file, to.resolve(file.getFileName().toString()));
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
