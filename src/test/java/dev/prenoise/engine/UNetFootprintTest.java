package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.unet.UNetConfig.Added;
import dev.prenoise.backbone.unet.UNetConfig.Level;
import dev.prenoise.engine.UNetFootprint.Sizes;
import java.util.List;
import org.junit.jupiter.api.Test;

class UNetFootprintTest {
    static final UNetConfig SD15 = stableDiffusion(768, 8, 8, 8, 8);
    static final UNetConfig SD21 = stableDiffusion(1024, 5, 10, 20, 20);
    static final UNetConfig SDXL = new UNetConfig(
            4,
            4,
            List.of(Level.even(320, 5, 0, 2), Level.even(640, 10, 2, 2), Level.even(1280, 20, 10, 2)),
            2048,
            32,
            1e-5,
            10,
            new Added(2816, 256),
            true,
            0);

    private static UNetConfig stableDiffusion(int context, int... heads) {
        return new UNetConfig(
                4,
                4,
                List.of(
                        Level.even(320, heads[0], 1, 2),
                        Level.even(640, heads[1], 1, 2),
                        Level.even(1280, heads[2], 1, 2),
                        Level.even(1280, heads[3], 0, 2)),
                context,
                32,
                1e-5,
                1,
                null,
                true,
                0);
    }

    /** As counted from the public configurations. */
    @Test
    void parameters_areThoseOfThePublishedModels() {
        assertMillions(UNetFootprint.ofPictures(SD15, sizes(64)), 859.5);
        assertMillions(UNetFootprint.ofPictures(SD21, sizes(96)), 865.9);
        assertMillions(UNetFootprint.ofPictures(SDXL, sizes(128)), 2567.5);
    }

    @Test
    void parameters_ofLosses_areThoseUpToTheLastMap() {
        assertMillions(UNetFootprint.ofLosses(SD15, sizes(64), 16, 16), 730.6);
        assertMillions(UNetFootprint.ofLosses(SD21, sizes(96), 24, 24), 735.2);
        assertMillions(UNetFootprint.ofLosses(SDXL, sizes(128), 32, 32), 2409.6);
    }

    @Test
    void footprint_growsWithThePictureAndShrinksWithTheType() {
        UNetFootprint small = UNetFootprint.ofLosses(SD15, sizes(64), 16, 16);
        UNetFootprint large = UNetFootprint.ofLosses(SD15, sizes(96), 24, 24);
        UNetFootprint half = UNetFootprint.ofLosses(SD15, new Sizes(64, 64, 77, 2), 16, 16);
        assertThat(large.activations()).isGreaterThan(2 * small.activations());
        assertThat(half.activations()).isLessThan(small.activations());
        assertThat(small.graph()).isGreaterThan(2 * small.activations());
    }

    private static Sizes sizes(int side) {
        return new Sizes(side, side, 77, 4);
    }

    private static void assertMillions(UNetFootprint footprint, double millions) {
        assertThat(footprint.parameters() / 1e6).isCloseTo(millions, within(0.1));
    }
}
