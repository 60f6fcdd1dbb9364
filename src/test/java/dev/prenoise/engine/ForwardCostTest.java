package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.backbone.AttentionSite;
import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.unet.UNetConfig.Level;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.Weights;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against counts that hooks on diffusers' modules gave, in TFLOP for one noise. */
class ForwardCostTest {
    @ParameterizedTest
    @CsvSource({
        "sd1, 512, 0.397, 0.803",
        "sd1, 768, 1.03, 2.148",
        "sd2, 512, 0.398, 0.804",
        "sd2, 768, 1.031, 2.149",
        "sdxl, 512, 1.24, 1.589",
        "sdxl, 1024, 5.19, 6.761"
    })
    void of_publishedShapes_countsWhatWasCountedOnTheirModules(String family, int side, double needed, double full) {
        UNetConfig config = config(family);
        int latent = side / 8;
        int grid = side / 32;
        List<AttentionSite> read;
        try (UNet unet = new UNet(config, Weights.synthetic(Compute.cpu(), DType.FLOAT32, 1))) {
            read = unet.sites(latent, latent).stream()
                    .filter(site -> site.rows() == grid)
                    .toList();
        }
        assertThat(ForwardCost.of(config, latent, latent, 77, read).total() / 1e12)
                .isCloseTo(needed, within(0.006 * needed));
        assertThat(ForwardCost.of(config, latent, latent, 77, List.of()).total() / 1e12)
                .isCloseTo(full, within(0.001 * full));
    }

    private static UNetConfig config(String family) {
        return switch (family) {
            case "sd1" -> of(768, 1, even(320, 8, 1), even(640, 8, 1), even(1280, 8, 1), even(1280, 8, 0));
            case "sd2" -> of(1024, 1, even(320, 5, 1), even(640, 10, 1), even(1280, 20, 1), even(1280, 20, 0));
            default -> of(2048, 10, even(320, 5, 0), even(640, 10, 2), even(1280, 20, 10));
        };
    }

    private static Level even(int channels, int heads, int depth) {
        return Level.even(channels, heads, depth, 2);
    }

    private static UNetConfig of(int contextWidth, int midDepth, Level... levels) {
        return new UNetConfig(4, 4, List.of(levels), contextWidth, 32, 1e-5, midDepth, null, true, 0);
    }
}
