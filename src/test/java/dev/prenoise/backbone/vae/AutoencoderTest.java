package dev.prenoise.backbone.vae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tiles against diffusers; the network itself is compared in {@code TinyNetworksTest}. */
class AutoencoderTest {
    private static final Path NETWORK = Path.of("test/resources/backbone/tiny_sd2/vae");
    private static final SafetensorsFile GOLDEN =
            SafetensorsFile.open(Path.of("test/resources/backbone/tiling/golden.safetensors"));

    /** Stable Diffusion's. */
    private static final VaeConfig FULL =
            new VaeConfig(4, List.of(128, 256, 512, 512), 2, 32, true, true, true, 0.18215, 0);

    @Test
    void decode_inTiles_equalsDiffusers() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                Autoencoder vae = tiny()) {
            assertClose(vae.decode(golden("latents"), 8), golden("decoded"), 2e-7);
            assertClose(vae.decode(golden("flat"), 8), golden("flat.decoded"), 2e-7);
        }
    }

    @Test
    void encode_inTiles_equalsDiffusers() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                Autoencoder vae = tiny()) {
            assertClose(vae.encode(golden("picture"), 8), golden("encoded"), 2e-7);
        }
    }

    @Test
    void posterior_hasTheEncodedPictureAsItsMean_andADeviationOfItsOwnEverywhere() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                Autoencoder vae = tiny()) {
            Autoencoder.Posterior posterior = vae.posterior(golden("picture"));
            assertThat(posterior.mean().toDoubles())
                    .isEqualTo(vae.encode(golden("picture"), 0).toDoubles());
            assertThat(posterior.deviation().shape()).isEqualTo(posterior.mean().shape());
            assertThat(Arrays.stream(posterior.deviation().toDoubles()).min().orElseThrow())
                    .isPositive();
            assertThat(Arrays.stream(posterior.deviation().toDoubles())
                            .distinct()
                            .count())
                    .isGreaterThan(100);
        }
    }

    @Test
    void decode_withinOneTileOrWithout_isWhole() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                Autoencoder vae = tiny()) {
            double[] whole = vae.decode(golden("latents"), 0).toDoubles();
            assertThat(vae.decode(golden("latents"), 20).toDoubles()).isEqualTo(whole);
            assertThat(vae.decodeWithin(golden("latents"), Long.MAX_VALUE).toDoubles())
                    .isEqualTo(whole);
            assertThat(vae.decode(golden("latents"), 8).toDoubles()).isNotEqualTo(whole);
        }
    }

    @Test
    void decodeWithin_takesTheTilesThatTheBytesAllow() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                Autoencoder vae = tiny()) {
            Tensor latents = golden("latents").narrow(0, 0, 1);
            long side = latents.size(2);
            Tensor tall = Tensor.cat(2, latents, latents, latents);
            double[] whole = vae.decode(tall, 0).toDoubles();
            assertThat(vae.decodeWithin(tall, Long.MAX_VALUE).toDoubles()).isEqualTo(whole);
            assertThat(vae.decodeWithin(tall, vae.bytes(3 * side, latents.size(3)))
                            .toDoubles())
                    .isEqualTo(whole);
            double[] tiled = vae.decode(tall, 32).toDoubles();
            assertThat(tiled).isNotEqualTo(whole);
            assertThat(vae.decodeWithin(tall, 0).toDoubles()).isEqualTo(tiled);
            Tensor two = vae.decodeWithin(Tensor.cat(0, tall, tall), 0);
            assertThat(two.narrow(0, 1, 1).toDoubles())
                    .as("one after the other")
                    .isEqualTo(tiled);
        }
    }

    @Test
    void decode_ofATileThatIsNoMultipleOfFour_isRefused() {
        try (Scope scope = new Scope();
                Autoencoder vae = tiny()) {
            assertThatThrownBy(() -> vae.decode(golden("latents"), 10))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("tileLatents: 10 (expected: 0 or a positive multiple of 4)");
        }
    }

    @Test
    void tileLatents_areOfLargePicturesAndShortMemory() {
        try (Autoencoder vae = new Autoencoder(FULL, Weights.synthetic(Compute.cpu(), DType.FLOAT32, 1))) {
            long gigabyte = 1L << 30;
            assertThat(vae.tileLatents(128, 128, 8 * gigabyte)).isZero();
            assertThat(vae.tileLatents(64, 160, 8 * gigabyte)).as("large").isEqualTo(128);
            assertThat(vae.tileLatents(128, 128, 3 * gigabyte))
                    .as("short of memory")
                    .isEqualTo(96);
            assertThat(vae.tileLatents(64, 64, gigabyte)).isZero();
            assertThat(vae.tileLatents(256, 256, 0)).as("never smaller").isEqualTo(32);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"FLOAT16", "BFLOAT16"})
    void weights_inHalfPrecision_areRefused(DType type) {
        assertThatThrownBy(() -> new Autoencoder(FULL, Weights.synthetic(Compute.cpu(), type, 1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(type + " (expected: FLOAT32");
    }

    private static Autoencoder tiny() {
        return new Autoencoder(
                VaeConfig.read(NETWORK.resolve("config.json")),
                Weights.open(NETWORK.resolve("model.safetensors"), Compute.cpu(), DType.FLOAT64));
    }

    private static Tensor golden(String name) {
        return GOLDEN.load(name, Compute.cpu(), DType.FLOAT64);
    }

    private static void assertClose(Tensor actual, Tensor expected, double tolerance) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        double[] a = actual.toDoubles();
        double[] b = expected.toDoubles();
        for (int i = 0; i < b.length; i++) {
            assertThat(a[i]).isCloseTo(b[i], within(tolerance));
        }
    }
}
