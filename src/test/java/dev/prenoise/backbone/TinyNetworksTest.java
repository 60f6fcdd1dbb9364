package dev.prenoise.backbone;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.vae.Autoencoder;
import dev.prenoise.backbone.vae.VaeConfig;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;
import dev.prenoise.text.ClipTextConfig;
import dev.prenoise.text.ClipTextEncoder;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Stable Diffusion 2's variations of the layout against diffusers and transformers. */
class TinyNetworksTest {
    private static final Path FOLDER = Path.of("test/resources/backbone/tiny_sd2");
    private static final SafetensorsFile GOLDEN = SafetensorsFile.open(FOLDER.resolve("golden.safetensors"));

    @Test
    void unet_withLinearProjectionsAndHeadsByLevel_equalsDiffusersAtAnOddSizeAndAFractionalTimestep() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                UNet unet = new UNet(UNetConfig.read(FOLDER.resolve("unet/config.json")), weights("unet"))) {
            Tensor eps = unet.predict(golden("latents"), 499.5, Conditioning.of(golden("context")));
            TinyUNetTest.assertClose(eps, golden("eps"), 2e-6);
        }
    }

    @Test
    void autoencoder_withMiddleAttentionAndShift_equalsDiffusersBothWays() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                Autoencoder vae = new Autoencoder(VaeConfig.read(FOLDER.resolve("vae/config.json")), weights("vae"))) {
            TinyUNetTest.assertClose(vae.encode(golden("picture"), 0), golden("encoded"), 1e-10);
            TinyUNetTest.assertClose(vae.decode(golden("encoded"), 0), golden("decoded"), 1e-10);
        }
    }

    @Test
    void textEncoder_withGelu_equalsTransformers() {
        ClipTextConfig config = ClipTextConfig.read(FOLDER.resolve("text_encoder/config.json"));
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                ClipTextEncoder encoder = new ClipTextEncoder(config, weights("text_encoder"))) {
            assertThat(config.quickGelu()).isFalse();
            Tensor embeddings = encoder.encode(new long[][] {{1, 17, 5, 39, 2, 0, 0}});
            TinyUNetTest.assertClose(embeddings, golden("embeddings"), 1e-10);
        }
    }

    private static Weights weights(String network) {
        return Weights.open(FOLDER.resolve(network + "/model.safetensors"), Compute.cpu(), DType.FLOAT64);
    }

    private static Tensor golden(String name) {
        return GOLDEN.load(name, Compute.cpu(), DType.FLOAT64);
    }
}
