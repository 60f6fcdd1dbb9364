package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.LossForm;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.search.Evaluator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryTest {
    private static final Path STATUS = Path.of("/proc/self/status");

    /** Each evaluation makes some 20 MB of tensors: 2,000 that leaked a thousandth would show. */
    @Test
    void evaluate_twoThousandTimes_leavesResidentMemoryFlat(@TempDir Path cache) throws IOException {
        assumeTrue(Files.exists(STATUS), "resident memory is read from " + STATUS + ", which this system lacks");
        try (ModelCatalog catalog = Catalogs.create(cache, List.of(), "cpu");
                PromptSession session = catalog.open("shapes")
                        .prepare(
                                new PromptSpec("a red circle and a blue square", "", List.of()),
                                SamplingSpec.DEFAULT,
                                0,
                                0)) {
            AttentionLoss loss = AttentionLosses.of("initno", LossForm.RANKING);
            Evaluator evaluator = session.attention(loss);
            List<Noise> noises = IntStream.range(0, 4)
                    .mapToObj(i -> NoiseGenerator.generate(NoiseSource.TORCH_CPU, i, session.noiseShape()))
                    .toList();
            run(evaluator, noises, 400);
            long before = residentMegabytes();
            run(evaluator, noises, 2000);
            assertThat(residentMegabytes() - before).isLessThan(100);
        }
    }

    /** Three quarters without and a quarter with gradient. */
    private static void run(Evaluator evaluator, List<Noise> noises, int evaluations) {
        for (int done = 0; done < evaluations; done += 16) {
            evaluator.evaluate(noises);
            evaluator.evaluate(noises);
            evaluator.evaluate(noises);
            evaluator.evaluateWithGradient(noises);
        }
    }

    private static long residentMegabytes() throws IOException {
        System.gc();
        return Files.readAllLines(STATUS).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024)
                .findFirst()
                .orElseThrow();
    }
}
