package dev.prenoise.server.ops;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.server.FakeCatalog;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class StreamBenchmarkTest {
    @Test
    void run_searchesBothWaysAndPrintsTheRatio() {
        FakeCatalog catalog = new FakeCatalog();
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        double ratio = new StreamBenchmark(new PrintStream(printed, true, StandardCharsets.UTF_8))
                .run(catalog, "a cat and a frog", 5, 2);

        assertThat(catalog.evaluations).hasSize(3 * 3 * 5);
        assertThat(printed.toString(StandardCharsets.UTF_8))
                .matches(
                        "(?s)search of 5 loss evaluations, fastest of 2: engine alone .* s, in-process .* s, loopback .* s; loopback to engine .*, ratio "
                                + String.format(java.util.Locale.ROOT, "%.3f", ratio) + "\\R");
    }
}
