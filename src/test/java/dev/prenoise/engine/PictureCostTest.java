package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PictureCostTest {
    @Test
    void builtIn_ofABatch_saysWhereTheTimeGoes(@TempDir Path cache) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ModelCatalog catalog = Catalogs.create(CatalogOptions.of(cache));
                PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8)) {
            new PictureCost(out).builtIn(catalog, 1);
        }
        String[] lines = bytes.toString(StandardCharsets.UTF_8).split("\\R");
        assertThat(lines[0]).contains("mean of 4 pictures");
        assertThat(lines[1]).startsWith("denoising");
        double all = 0;
        for (int i = 1; i < lines.length; i++) {
            String[] words = lines[i].split(" +");
            double share = Double.parseDouble(words[words.length - 2]);
            assertThat(share).as(lines[i]).isGreaterThan(0);
            all += share;
        }
        assertThat(all).isBetween(99.0, 101.0);
    }
}
