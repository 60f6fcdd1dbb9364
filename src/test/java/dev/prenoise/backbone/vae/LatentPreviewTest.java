package dev.prenoise.backbone.vae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import org.junit.jupiter.api.Test;

class LatentPreviewTest {
    /** Two pictures of one row: the first is one latent channel after the other, the second nothing. */
    private static final double[] LATENTS = new double[2 * 4 * 5];

    static {
        for (int channel = 0; channel < 4; channel++) {
            LATENTS[channel * 5 + channel] = 2;
        }
    }

    @Test
    void pictures_areComfyUisFactorsOfEachChannelAndTheBias() {
        try (Scope scope = new Scope()) {
            Tensor pictures = LatentPreview.SDXL.pictures(Tensor.of(Compute.cpu(), LATENTS, 2, 4, 1, 5));
            assertThat(pictures.shape()).containsExactly(2, 3, 1, 5);
            float[] red = {0.8386f, -0.3982f, 0.3236f, -0.5246f, 0.1084f};
            float[] blue = {0.8671f, 0.2125f, -0.0735f, -0.4387f, -0.0011f};
            float[] values = pictures.toFloats();
            for (int x = 0; x < 5; x++) {
                assertThat(values[x]).isCloseTo(red[x], offset(1e-6f));
                assertThat(values[10 + x]).isCloseTo(blue[x], offset(1e-6f));
                assertThat(values[20 + x]).isEqualTo(-0.0175f);
            }
            Tensor old = LatentPreview.STABLE_DIFFUSION.pictures(Tensor.of(Compute.cpu(), LATENTS, 2, 4, 1, 5));
            assertThat(old.narrow(0, 0, 1).narrow(1, 1, 1).toFloats())
                    .containsExactly(new float[] {0.4594f, 0.9948f, 0.3524f, -0.5232f, 0}, offset(1e-6f));
        }
    }

    @Test
    void pictures_ofAFactor_repeatPixels() {
        try (Scope scope = new Scope()) {
            Tensor latents = Tensor.of(Compute.cpu(), LATENTS, 2, 4, 1, 5);
            Tensor large = LatentPreview.SDXL.pictures(latents, 8);
            assertThat(large.shape()).containsExactly(2, 3, 8, 40);
            float[] small = LatentPreview.SDXL.pictures(latents).toFloats();
            float[] row = large.narrow(2, 7, 1).toFloats();
            for (int i = 0; i < row.length; i++) {
                assertThat(row[i]).isEqualTo(small[i / 8]);
            }
        }
    }

    @Test
    void of_knowsTheFamiliesOfTheTwoKindsOfLatents() {
        assertThat(LatentPreview.of("sd2")).isSameAs(LatentPreview.STABLE_DIFFUSION);
        assertThat(LatentPreview.of("ssd-1b")).isSameAs(LatentPreview.SDXL);
        assertThat(LatentPreview.of("shapes")).isNull();
    }

    @Test
    void pictures_ofOtherChannels_areRefused() {
        try (Scope scope = new Scope()) {
            Tensor latents = Tensor.of(Compute.cpu(), new float[16], 1, 16, 1, 1);
            assertThatThrownBy(() -> LatentPreview.SDXL.pictures(latents))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("latents: 16 channels (expected: 4)");
        }
    }
}
