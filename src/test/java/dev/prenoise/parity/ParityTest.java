package dev.prenoise.parity;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.attention.LossForm;
import dev.prenoise.attention.LossValue;
import dev.prenoise.backbone.Conditioning;
import dev.prenoise.backbone.MapCollector;
import dev.prenoise.backbone.checkpoint.Checkpoint;
import dev.prenoise.backbone.checkpoint.Family;
import dev.prenoise.backbone.checkpoint.TextTower;
import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.vae.Autoencoder;
import dev.prenoise.backbone.vae.VaeConfig;
import dev.prenoise.parity.TinyModel.Layout;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.SafetensorsType;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.text.ClipTextConfig;
import dev.prenoise.text.ClipTextEncoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A checkpoint as a user has it, against diffusers and transformers in float64: text encoders, prediction, maps, losses, latent gradients,
 * VAE. How the models and the numbers were made stands in {@code test/resources/parity/README.md}.
 *
 * <p>Each case prints its largest differences, as shares of the largest value. diffusers' own float32 lies up to 4e-6 from its float64 in
 * predictions and maps, and up to 9e-5 in gradients.
 */
class ParityTest {
    @TempDir
    private static Path temp;

    /**
     * @param type of the file
     * @param compute to calculate in
     */
    record Case(String family, Layout layout, SafetensorsType type, DType compute) {
        Path path() {
            Path place = temp.resolve(family + "-" + layout + "-" + type);
            try {
                return Files.exists(place)
                        ? place.resolve(layout.folder() ? family : family + ".safetensors")
                        : TinyModel.of(family).write(place, layout, type);
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }

        Golden golden() {
            return new Golden(family, compute);
        }

        Checkpoint checkpoint() {
            return Checkpoint.open(path());
        }

        UNet unet() {
            Checkpoint checkpoint = checkpoint();
            return new UNet(checkpoint.unetConfig(), checkpoint.unetWeights(Compute.cpu(), compute));
        }

        Autoencoder vae() {
            Checkpoint checkpoint = checkpoint();
            VaeConfig config = checkpoint.vaeConfig();
            assertThat(config).isNotNull();
            return new Autoencoder(config, checkpoint.vaeWeights(Compute.cpu(), compute));
        }

        double tolerance() {
            return compute == DType.FLOAT64 ? 1e-6 : 2e-5;
        }

        double gradientTolerance() {
            return compute == DType.FLOAT64 ? 1e-5 : 2e-4;
        }

        void report(Golden golden) {
            System.out.println("parity " + this + golden.differences());
        }

        @Override
        public String toString() {
            return family + ", " + layout + " of " + type + " in " + compute;
        }
    }

    /** Both layouts; in float64 to show the formulas, in float32 as users run it. */
    static Stream<Case> everyFamily() {
        return TinyModel.FAMILIES.stream()
                .flatMap(family -> Stream.of(
                        new Case(family, Layout.FOLDER, SafetensorsType.F32, DType.FLOAT64),
                        new Case(family, Layout.SINGLE_FILE, SafetensorsType.F16, DType.FLOAT32)));
    }

    static Stream<Case> everyLayoutAndType() {
        return TinyModel.FAMILIES.stream()
                .flatMap(family -> Stream.concat(
                        Stream.of(
                                new Case(family, Layout.FOLDER, SafetensorsType.F16, DType.FLOAT32),
                                new Case(family, Layout.OLD_FOLDER, SafetensorsType.BF16, DType.FLOAT32),
                                new Case(family, Layout.SINGLE_FILE, SafetensorsType.F32, DType.FLOAT32),
                                new Case(family, Layout.SINGLE_FILE, SafetensorsType.BF16, DType.FLOAT32),
                                new Case(family, Layout.EMA_ONLY, SafetensorsType.F32, DType.FLOAT32),
                                new Case(family, Layout.EMA_BESIDE, SafetensorsType.F16, DType.FLOAT32),
                                new Case(family, Layout.UNET_ONLY, SafetensorsType.F16, DType.FLOAT32)),
                        Stream.of(
                                        new Case(family, Layout.OLD_CLIP, SafetensorsType.F16, DType.FLOAT32),
                                        new Case(family, Layout.FROM_DIFFUSERS, SafetensorsType.F16, DType.FLOAT32))
                                .filter(some -> some.layout == Layout.OLD_CLIP
                                        ? family.equals("sd1")
                                        : family.startsWith("sd2"))));
    }

    /** One look at each network: the weights are the same numbers however they lie on disk. */
    @ParameterizedTest
    @MethodSource("everyLayoutAndType")
    void checkpoint_inAnyLayoutAndType_isToldAndRead(Case model) {
        assertTold(model);
        Golden golden = model.golden();
        try {
            assertPrediction(model, golden);
            if (model.layout != Layout.UNET_ONLY) {
                assertText(model, golden);
                assertDecoded(model, golden);
            }
        } finally {
            model.report(golden);
        }
    }

    private static void assertTold(Case model) {
        Checkpoint checkpoint = model.checkpoint();
        Family family =
                switch (model.family) {
                    case "sd1" -> Family.SD1;
                    case "sd2", "sd2_v" -> Family.SD2;
                    case "sdxl" -> Family.SDXL;
                    case "ssd_1b" -> Family.SSD_1B;
                    default -> Family.VEGA;
                };
        assertThat(checkpoint.family()).isEqualTo(family);
        assertThat(checkpoint.prediction()).isEqualTo(model.family.equals("sd2_v") ? "v" : "eps");
        assertThat(checkpoint.nativeSize()).isEqualTo(family.isXl() ? 1024 : model.family.equals("sd2_v") ? 768 : 512);
        Path configs = TinyModel.RESOURCES.resolve(model.family);
        assertThat(checkpoint.unetConfig()).isEqualTo(UNetConfig.read(configs.resolve("unet/config.json")));
        if (model.layout == Layout.UNET_ONLY) {
            assertThat(checkpoint.vaeConfig()).isNull();
            assertThat(checkpoint.textTowers()).isEmpty();
            return;
        }
        assertThat(checkpoint.vaeConfig()).isEqualTo(VaeConfig.read(configs.resolve("vae/config.json")));
        assertThat(checkpoint.textTowers().stream().map(TextTower::config))
                .containsExactlyElementsOf(towers(model).stream()
                        .map(tower -> ClipTextConfig.read(configs.resolve(tower + "/config.json")))
                        .toList());
    }

    private static List<String> towers(Case model) {
        return model.checkpoint().family().isXl() ? List.of("text_encoder", "text_encoder_2") : List.of("text_encoder");
    }

    private static void assertPrediction(Case model, Golden golden) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                UNet unet = model.unet()) {
            Tensor eps = unet.predict(golden.tensor("latents"), golden.timestep(), golden.conditioning());
            golden.assertClose("eps", eps, model.tolerance());
        }
    }

    private static void assertDecoded(Case model, Golden golden) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                Autoencoder vae = model.vae()) {
            golden.assertClose("decoded", vae.decode(golden.tensor("encoded"), 0), model.tolerance());
        }
    }

    /** The state that the family's UNet reads, the one before it (clip skip 2), and the pooled vector. */
    private static void assertText(Case model, Golden golden) {
        Checkpoint checkpoint = model.checkpoint();
        boolean xl = checkpoint.family().isXl();
        List<String> towers = towers(model);
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            for (int i = 0; i < towers.size(); i++) {
                String tower = towers.get(i);
                long[][] ids = {golden.ids(tower)};
                boolean pools = tower.equals("text_encoder_2");
                int earlier = xl ? 1 : 0;
                try (ClipTextEncoder encoder = new ClipTextEncoder(
                        checkpoint.textTowers().get(i).config(),
                        checkpoint.textWeights(i, Compute.cpu(), model.compute))) {
                    ClipTextEncoder.Output read = encoder.encode(ids, earlier, !xl, pools);
                    golden.assertClose(tower + ".hidden", read.hidden(), model.tolerance());
                    golden.assertClose(
                            tower + ".skip",
                            encoder.encode(ids, earlier + 1, !xl, false).hidden(),
                            model.tolerance());
                    if (pools) {
                        golden.assertClose("text.pooled", read.pooled(), model.tolerance());
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("everyFamily")
    void textEncoders_equalTransformers(Case model) {
        Golden golden = model.golden();
        try {
            assertText(model, golden);
        } finally {
            model.report(golden);
        }
    }

    @ParameterizedTest
    @MethodSource("everyFamily")
    void unet_equalsDiffusers(Case model) {
        Golden golden = model.golden();
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                UNet unet = model.unet();
                MapCollector maps = collector(unet, golden)) {
            Conditioning conditioning = golden.conditioning();
            double timestep = golden.timestep();
            golden.assertClose(
                    "eps", unet.predict(golden.tensor("latents"), timestep, conditioning), model.tolerance());
            assertThat(unet.run(golden.tensor("latents"), timestep, conditioning, maps))
                    .as("a forward pass cut short at the last map")
                    .isNull();
            golden.assertClose("cross", flat(maps.cross()), model.tolerance());
            golden.assertClose("self", flat(maps.self()), model.tolerance());
        } finally {
            model.report(golden);
        }
    }

    private static Tensor flat(Tensor maps) {
        return maps.reshape(maps.size(1), maps.size(2));
    }

    @ParameterizedTest
    @MethodSource("everyFamily")
    void losses_equalThePublishedWithTheirGradients(Case model) {
        Golden golden = model.golden();
        try (UNet unet = model.unet()) {
            for (String name : AttentionLosses.names()) {
                assertLoss(model, golden, unet, name, AttentionLosses.of(name, LossForm.PUBLISHED));
            }
            for (String name : List.of("initno", "self-cross", "conform")) {
                assertLoss(model, golden, unet, name + ".ranking", AttentionLosses.of(name, LossForm.RANKING));
            }
        } finally {
            model.report(golden);
        }
    }

    private static void assertLoss(Case model, Golden golden, UNet unet, String name, AttentionLoss loss) {
        try (GradMode on = GradMode.on();
                Scope scope = new Scope();
                MapCollector maps = collector(unet, golden)) {
            Tensor latents = golden.tensor("latents").requireGradient();
            unet.run(latents, golden.timestep(), golden.conditioning(), maps);
            Tensor cross = maps.cross();
            Tensor self = maps.self();
            LossValue value = loss.evaluate(arrays(golden, cross, self), golden.groups(), true);
            golden.assertClose(name, value.loss(), model.tolerance());
            for (String term : List.of("cross", "self", "self_cross", "clean")) {
                if (golden.has(name + "." + term)) {
                    golden.assertClose(name + "." + term, value.terms().get(term), model.tolerance());
                }
            }
            AttentionMaps slope = value.gradient();
            Tensor sum = weighted(cross, slope.cross());
            (slope.self() == null ? sum : sum.add(weighted(self, slope.self()))).backward();
            golden.assertClose(name + ".dlatents", latents.gradient(), model.gradientTolerance());
        }
    }

    static AttentionMaps arrays(Golden golden, Tensor cross, Tensor self) {
        int tokens = Math.toIntExact(cross.size(2));
        return new AttentionMaps(golden.rows(), golden.columns(), tokens, cross.toDoubles(), self.toDoubles());
    }

    static Tensor weighted(Tensor map, double[] slope) {
        return map.mul(Tensor.of(map.compute(), slope, map.shape()).like(map)).sum();
    }

    @ParameterizedTest
    @MethodSource("everyFamily")
    void vae_equalsDiffusersBothWays(Case model) {
        Golden golden = model.golden();
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                Autoencoder vae = model.vae()) {
            golden.assertClose("encoded", vae.encode(golden.tensor("picture"), 0), model.tolerance());
            golden.assertClose("decoded", vae.decode(golden.tensor("encoded"), 0), model.tolerance());
        } finally {
            model.report(golden);
        }
    }

    @ParameterizedTest
    @MethodSource("everyFamily")
    void run_cutShort_givesTheBitsOfTheFullForward(Case model) {
        Golden golden = model.golden();
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                UNet unet = model.unet();
                MapCollector cut = collector(unet, golden);
                MapCollector full = collector(unet, golden)) {
            Tensor latents = golden.tensor("latents");
            unet.run(latents, golden.timestep(), golden.conditioning(), cut);
            assertThat(unet.run(latents, golden.timestep(), golden.conditioning(), full.toTheEnd()))
                    .isNotNull();
            assertThat(cut.cross().toDoubles()).isEqualTo(full.cross().toDoubles());
            assertThat(cut.self().toDoubles()).isEqualTo(full.self().toDoubles());
        }
    }

    @ParameterizedTest
    @MethodSource("everyFamily")
    void run_ofABatch_givesEachSampleItsOwnMaps(Case model) {
        Golden golden = model.golden();
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                UNet unet = model.unet();
                MapCollector batch = collector(unet, golden)) {
            Tensor latents = golden.tensor("latents");
            Tensor three = Tensor.cat(0, latents.mul(-0.5), latents, latents.mul(0.9));
            unet.run(three, golden.timestep(), golden.conditioning(), batch);
            Tensor cross = batch.cross().narrow(0, 1, 1);
            Tensor self = batch.self().narrow(0, 1, 1);
            golden.assertClose("cross", flat(cross), model.tolerance());
            golden.assertClose("self", flat(self), model.tolerance());
            for (String name : List.of("initno", "self-cross", "conform")) {
                double loss = AttentionLosses.of(name, LossForm.RANKING)
                        .evaluate(arrays(golden, cross, self), golden.groups(), false)
                        .loss();
                golden.assertClose(name + ".ranking", loss, model.tolerance());
            }
        } finally {
            model.report(golden);
        }
    }

    static MapCollector collector(UNet unet, Golden golden) {
        List<Long> latents = golden.shape("latents");
        return new MapCollector(
                unet.sites(Math.toIntExact(latents.get(2)), Math.toIntExact(latents.get(3))),
                golden.rows(),
                golden.columns(),
                true);
    }
}
