package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PrecisionAgreementTest {
    @TempDir
    private Path cache;

    @Test
    void builtIn_ofOnePrecisionWithItself_agreesInEverything() {
        List<String> lines = agreement(Precision.FP32, 4);
        assertThat(lines.get(1)).isEqualTo("shapes, 64 px, fp32 beside fp32, 4 noises of 1 prompt");
        assertThat(lines.subList(3, 7))
                .allSatisfy(line -> assertThat(line).contains(" 1.000 ", "1 of 1, regret 0.000, 0.00"));
    }

    @Test
    void builtIn_inBfloat16_keepsTheOrderOfConformAlmost() {
        List<String> lines = agreement(Precision.BF16, 8);
        assertThat(lines.get(4)).startsWith("conform ");
        assertThat(Double.parseDouble(lines.get(4).split("\\s+")[1])).isGreaterThan(0.8);
    }

    private List<String> agreement(Precision precision, int candidates) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        new PrecisionAgreement(new PrintStream(bytes, true, StandardCharsets.UTF_8), precision, candidates)
                .builtIn(CatalogOptions.of(cache), 1);
        return bytes.toString(StandardCharsets.UTF_8).lines().toList();
    }
}
