package dev.prenoise.backbone;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
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
            Tensor eps = unet.predict(golden("latents"), 981, text());
            assertClose(eps, golden("eps"), 2e-7);
        }
    }

    @Test
    void run_withCollector_stopsAtTheLastMapAndEqualsDiffusers() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                MapCollector maps = new MapCollector(unet.sites(64, 64), 16, 16, true)) {
            assertThat(unet.run(golden("latents"), 981, text(), maps)).isNull();
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
    void predict_atATimestepForEachRow_givesWhatEachRowGivesAlone() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Tensor one = golden("latents").narrow(0, 0, 1);
            Tensor both = unet.predict(Tensor.cat(0, one, one), new double[] {981, 20}, text());
            assertClose(both.narrow(0, 0, 1), unet.predict(one, 981, text()), 1e-6);
            assertClose(both.narrow(0, 1, 1), unet.predict(one, 20, text()), 1e-6);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> unet.predict(one, new double[] {981, 20}, text()))
                    .withMessage("timesteps: 2 (expected: one for each of 1 rows)");
        }
    }

    @Test
    void predict_ofOddSizes_keepsTheSize() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Tensor latents = Tensor.of(Compute.cpu(), new double[4 * 13 * 22], 1, 4, 13, 22);
            assertThat(unet.predict(latents, 500, text()).shape()).containsExactly(1, 4, 13, 22);
        }
    }

    @Test
    void run_cutShortAtTheLastMap_givesTheBitsOfTheFullForward() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                MapCollector cut = new MapCollector(unet.sites(64, 64), 16, 16, true);
                MapCollector full = new MapCollector(unet.sites(64, 64), 16, 16, true)) {
            unet.run(golden("latents"), 981, text(), cut);
            assertThat(unet.run(golden("latents"), 981, text(), full.toTheEnd()))
                    .isNotNull();
            assertThat(cut.cross().toDoubles()).isEqualTo(full.cross().toDoubles());
            assertThat(cut.self().toDoubles()).isEqualTo(full.self().toDoubles());
        }
    }

    @Test
    void run_ofABatchOnAnOddOblongGrid_givesEachSampleItsOwnMaps() {
        int rows = 26;
        int columns = 13;
        double[] values = new double[2 * 4 * rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = Math.sin(1.7 * i) + Math.cos(0.01 * i);
        }
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                MapCollector both = new MapCollector(unet.sites(rows, columns), 7, 4, true)) {
            Tensor latents = Tensor.of(Compute.cpu(), values, 2, 4, rows, columns);
            unet.run(latents, 981, text(), both);
            assertThat(both.cross().shape())
                    .containsExactly(2, 28, golden("context").size(1));
            for (int i = 0; i < 2; i++) {
                try (MapCollector one = new MapCollector(unet.sites(rows, columns), 7, 4, true)) {
                    unet.run(latents.narrow(0, i, 1), 981, text(), one);
                    assertClose(one.cross(), both.cross().narrow(0, i, 1), 1e-9);
                    assertClose(one.self(), both.self().narrow(0, i, 1), 1e-9);
                }
            }
        }
    }

    private static Conditioning text() {
        return Conditioning.of(golden("context"));
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
