package dev.prenoise.backbone;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class TinyUNetTest {
    static final Path FOLDER = Path.of("test/resources/backbone/tiny_sd1");
    private static final SafetensorsFile GOLDEN = SafetensorsFile.open(FOLDER.resolve("golden.safetensors"));
    private static UNet unet;

    @BeforeAll
    static void load() {
        unet = new UNet(
                UNetConfig.read(FOLDER.resolve("config.json")),
                Weights.open(FOLDER.resolve("diffusion_pytorch_model.safetensors"), Compute.cpu(), DType.FLOAT64));
    }

    @AfterAll
    static void free() {
        unet.close();
    }

    @Test
    void predict_equalsDiffusers() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Tensor eps = unet.predict(golden("latents"), 981, golden("context"));
            assertClose(eps, golden("eps"), 2e-7);
        }
    }

    @Test
    void run_withCollector_stopsAtTheLastMapAndEqualsDiffusers() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                MapCollector maps = new MapCollector(unet.sites(64, 64), 16, 16, true)) {
            assertThat(unet.run(golden("latents"), 981, golden("context"), maps))
                    .isNull();
            assertClose(maps.cross(), golden("cross"), 1e-7);
            assertClose(maps.self(), golden("self"), 1e-7);
        }
    }

    @Test
    void sites_ofGrid_areTheFiveThatTheAuthorsKeep() {
        assertThat(unet.sites(64, 64).stream()
                        .filter(s -> s.rows() == 16 && s.kind() == AttentionSite.Kind.CROSS)
                        .map(AttentionSite::place))
                .containsExactly(
                        AttentionSite.Place.DOWN,
                        AttentionSite.Place.DOWN,
                        AttentionSite.Place.UP,
                        AttentionSite.Place.UP,
                        AttentionSite.Place.UP);
    }

    @Test
    void predict_ofOddSizes_keepsTheSize() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Tensor latents = Tensor.of(Compute.cpu(), new double[4 * 13 * 22], 1, 4, 13, 22);
            assertThat(unet.predict(latents, 500, golden("context")).shape()).containsExactly(1, 4, 13, 22);
        }
    }

    private static Tensor golden(String name) {
        return GOLDEN.load(name, Compute.cpu(), DType.FLOAT64);
    }

    static void assertClose(Tensor actual, Tensor expected, double tolerance) {
        double[] a = actual.toDoubles();
        double[] b = expected.toDoubles();
        assertThat(a).hasSameSizeAs(b);
        double worst = 0;
        for (int i = 0; i < a.length; i++) {
            worst = Math.max(worst, Math.abs(a[i] - b[i]));
        }
        assertThat(worst).isCloseTo(0, within(tolerance));
    }
}
