package dev.prenoise.backbone.vae;

import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;
import org.jspecify.annotations.Nullable;

/**
 * AutoencoderKL: pictures {@code [B, 3, factor * H, factor * W]} in [-1, 1] to scaled latents {@code [B, C, H, W]} and back (Rombach et
 * al. 2022; names as in diffusers). One thread at a time.
 */
public final class Autoencoder implements AutoCloseable {
    static final double NORM_EPS = 1e-6;

    private final VaeConfig config;
    private final Weights weights;
    private final Encoder encoder;
    private final Decoder decoder;
    private final @Nullable Conv quantConv;
    private final @Nullable Conv postQuantConv;

    /**
     * @throws dev.prenoise.tensor.SafetensorsException when a tensor is missing or has another shape than the config says
     */
    public Autoencoder(VaeConfig config, Weights weights) {
        this.config = config;
        this.weights = weights;
        int latent = config.latentChannels();
        encoder = new Encoder(weights.under("encoder"), config);
        decoder = new Decoder(weights.under("decoder"), config);
        quantConv = config.quantConv() ? Conv.of(weights, "quant_conv", 2 * latent, 2 * latent, 1) : null;
        postQuantConv = config.postQuantConv() ? Conv.of(weights, "post_quant_conv", latent, latent, 1) : null;
    }

    public VaeConfig config() {
        return config;
    }

    public Weights weights() {
        return weights;
    }

    /** Scaled latents {@code [B, C, H, W]} to pictures, not clamped. */
    public Tensor decode(Tensor latents) {
        return Scope.of(() -> {
            Tensor raw = latents.mul(1 / config.scalingFactor()).add(config.shiftFactor());
            return decoder.forward(postQuantConv == null ? raw : postQuantConv.forward(raw));
        });
    }

    /** Pictures in [-1, 1] to the mean of their scaled latents. The sides must be multiples of the factor. */
    public Tensor encode(Tensor pictures) {
        return Scope.of(() -> {
            Tensor moments = encoder.forward(pictures);
            Tensor mean =
                    (quantConv == null ? moments : quantConv.forward(moments)).narrow(1, 0, config.latentChannels());
            return mean.add(-config.shiftFactor()).mul(config.scalingFactor());
        });
    }

    @Override
    public void close() {
        weights.close();
    }
}
