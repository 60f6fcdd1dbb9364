package dev.prenoise.backbone.checkpoint;

import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.vae.VaeConfig;
import dev.prenoise.tensor.RenamedWeights;
import dev.prenoise.tensor.SafetensorsFile;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What was found in a file or folder. */
record Contents(
        Path path,
        Family family,
        int nativeSize,
        Diffusion unet,
        @Nullable Vae vae,
        List<Text> text,
        Target target,
        @Nullable Path schedulerConfig,
        @Nullable Path tokenizerFolder,
        ModelCard card,
        List<SafetensorsFile> files) {
    record Diffusion(UNetConfig config, RenamedWeights weights) {}

    record Vae(VaeConfig config, RenamedWeights weights) {}

    record Text(TextTower tower, RenamedWeights weights) {}

    /** What the UNet learnt to predict. */
    record Target(String prediction, boolean zeroTerminalSnr) {
        /**
         * @throws IllegalArgumentException where nothing is left to predict the picture from
         */
        static Target of(String prediction, boolean zeroTerminalSnr) {
            if (zeroTerminalSnr && !prediction.equals("v")) {
                throw new IllegalArgumentException("zero_terminal_snr: true with prediction " + prediction
                        + " (expected: false, or prediction v: pure noise says nothing of the picture)");
            }
            return new Target(prediction, zeroTerminalSnr);
        }
    }
}
