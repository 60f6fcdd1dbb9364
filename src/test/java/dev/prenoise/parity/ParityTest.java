package dev.prenoise.parity;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.attention.LossForm;
import dev.prenoise.attention.LossValue;
import dev.prenoise.backbone.AttentionSite;
import dev.prenoise.backbone.AttentionTap;
import dev.prenoise.backbone.Conditioning;
import dev.prenoise.backbone.MapCollector;
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
import dev.prenoise.tensor.Weights;
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

        UNet unet() {
            return new UNet(UNetConfig.read(path().resolve("unet/config.json")), weights("unet"));
        }

        Autoencoder vae() {
            return new Autoencoder(VaeConfig.read(path().resolve("vae/config.json")), weights("vae"));
        }

        private Weights weights(String network) {
            return Weights.open(
                    path().resolve(network + "/diffusion_pytorch_model.safetensors"), Compute.cpu(), compute);
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

    static Stream<Case> every() {
        return TinyModel.FAMILIES.stream()
                .flatMap(family -> Stream.of(
                        new Case(family, Layout.FOLDER, SafetensorsType.F32, DType.FLOAT64),
                        new Case(family, Layout.FOLDER, SafetensorsType.F16, DType.FLOAT32)));
    }

    @ParameterizedTest
    @MethodSource("every")
    void unet_equalsDiffusers(Case model) {
        Golden golden = model.golden();
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                UNet unet = model.unet();
                MapCollector maps = collector(unet, golden)) {
            Conditioning conditioning = golden.conditioning();
            double timestep = golden.number("timestep");
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
    @MethodSource("every")
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
            unet.run(latents, golden.number("timestep"), golden.conditioning(), maps);
            Tensor cross = maps.cross();
            Tensor self = maps.self();
            LossValue value = loss.evaluate(arrays(golden, cross, self), golden.groups(), true);
            golden.assertClose(name, value.loss(), model.tolerance());
            for (String term : List.of("cross", "self_cross", "clean")) {
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

    private static AttentionMaps arrays(Golden golden, Tensor cross, Tensor self) {
        int tokens = Math.toIntExact(cross.size(2));
        return new AttentionMaps(golden.rows(), golden.columns(), tokens, cross.toDoubles(), self.toDoubles());
    }

    private static Tensor weighted(Tensor map, double[] slope) {
        return map.mul(Tensor.of(map.compute(), slope, map.shape()).like(map)).sum();
    }

    @ParameterizedTest
    @MethodSource("every")
    void vae_equalsDiffusersBothWays(Case model) {
        Golden golden = model.golden();
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                Autoencoder vae = model.vae()) {
            golden.assertClose("encoded", vae.encode(golden.tensor("picture")), model.tolerance());
            golden.assertClose("decoded", vae.decode(golden.tensor("encoded")), model.tolerance());
        } finally {
            model.report(golden);
        }
    }

    @ParameterizedTest
    @MethodSource("every")
    void run_cutShort_givesTheBitsOfTheFullForward(Case model) {
        Golden golden = model.golden();
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                UNet unet = model.unet();
                MapCollector cut = collector(unet, golden);
                MapCollector full = collector(unet, golden)) {
            Tensor latents = golden.tensor("latents");
            unet.run(latents, golden.number("timestep"), golden.conditioning(), cut);
            assertThat(unet.run(latents, golden.number("timestep"), golden.conditioning(), endless(full)))
                    .isNotNull();
            assertThat(cut.cross().toDoubles()).isEqualTo(full.cross().toDoubles());
            assertThat(cut.self().toDoubles()).isEqualTo(full.self().toDoubles());
        }
    }

    @ParameterizedTest
    @MethodSource("every")
    void run_ofABatch_givesEachSampleItsOwnMaps(Case model) {
        Golden golden = model.golden();
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                UNet unet = model.unet();
                MapCollector batch = collector(unet, golden)) {
            Tensor latents = golden.tensor("latents");
            Tensor three = Tensor.cat(0, latents.mul(-0.5), latents, latents.mul(0.9));
            unet.run(three, golden.number("timestep"), golden.conditioning(), batch);
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

    private static AttentionTap endless(AttentionTap tap) {
        return new AttentionTap() {
            @Override
            public boolean wants(AttentionSite site) {
                return tap.wants(site);
            }

            @Override
            public boolean last(AttentionSite site) {
                return false;
            }

            @Override
            public void accept(AttentionSite site, Tensor maps) {
                tap.accept(site, maps);
            }
        };
    }

    private static MapCollector collector(UNet unet, Golden golden) {
        List<Long> latents = golden.shape("latents");
        return new MapCollector(
                unet.sites(Math.toIntExact(latents.get(2)), Math.toIntExact(latents.get(3))),
                golden.rows(),
                golden.columns(),
                true);
    }
}
