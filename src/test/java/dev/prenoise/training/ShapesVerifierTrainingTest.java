package dev.prenoise.training;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.verifier.ClipFolder;
import dev.prenoise.verifier.Verifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShapesVerifierTrainingTest {
    @TempDir
    private Path folder;

    @Test
    void run_fewSteps_lowersTheLoss_andWritesVerifiersThatOpen() throws Exception {
        new ShapesVerifierTraining(24, 8, 5).run(folder, false, done -> {});

        List<String> curve = Files.readAllLines(folder.resolve("run/loss.csv"));
        assertThat(curve.get(0)).isEqualTo("step,loss,contrastive,presence,quality,gradient_norm,rate");
        assertThat(mean(curve, 19, 25)).isLessThan(0.8 * mean(curve, 1, 4));
        try (Verifier clip = ClipFolder.cosine("clip", folder.resolve("clip"), Compute.cpu(), DType.FLOAT32);
                Verifier aesthetic = ClipFolder.aesthetic(
                        "aesthetic",
                        folder.resolve("clip"),
                        folder.resolve("aesthetic/head.safetensors"),
                        Compute.cpu(),
                        DType.FLOAT32)) {
            assertThat(clip.name()).isEqualTo("clip");
            assertThat(aesthetic.name()).isEqualTo("aesthetic");
        }
    }

    private static double mean(List<String> curve, int from, int to) {
        return curve.subList(from, to).stream()
                .mapToDouble(line -> Double.parseDouble(line.split(",")[1]))
                .average()
                .orElseThrow();
    }
}
