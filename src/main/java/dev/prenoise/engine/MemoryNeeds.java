package dev.prenoise.engine;

import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.vae.Autoencoder;
import dev.prenoise.engine.UNetFootprint.Sizes;
import org.jspecify.annotations.Nullable;

/**
 * About how many bytes of the device a model takes at one picture size. What a request needs at least is the largest of: {@code
 * textEncoders} (they can leave when the prompt is encoded), {@code lossWeights + loss} for ranking, {@code lossWeights + gradient} for
 * optimising, {@code pictureWeights + picture} for drawing, {@code pictureWeights + pictureGradient} for following a verifier.
 *
 * @param textEncoders weights
 * @param lossWeights the part of the UNet that the losses run
 * @param pictureWeights the whole UNet
 * @param loss activations of each noise scored at once
 * @param gradient activations and graph of one noise with its gradient
 * @param picture activations of each picture drawn at once, with guidance
 * @param pictureGradient activations and graph of one denoiser call, with guidance
 * @param vae weights; 0 where there is none
 * @param decode activations of a picture's last step, which large pictures take tile by tile
 * @param decodeGradient activations and graph of that step, which takes the picture whole
 */
public record MemoryNeeds(
        long textEncoders,
        long lossWeights,
        long pictureWeights,
        long loss,
        long gradient,
        long picture,
        long pictureGradient,
        long vae,
        long decode,
        long decodeGradient) {
    /** Latent pixels of the smallest tile that a VAE falls back to. */
    private static final int SMALLEST_TILE = 32;

    static MemoryNeeds of(
            UNetConfig config,
            Sizes sizes,
            int attentionStride,
            @Nullable Autoencoder vae,
            long textBytes,
            long vaeBytes) {
        UNetFootprint losses = UNetFootprint.ofLosses(
                config, sizes, ceil(sizes.rows(), attentionStride), ceil(sizes.columns(), attentionStride));
        UNetFootprint pictures = UNetFootprint.ofPictures(config, sizes);
        return new MemoryNeeds(
                textBytes,
                losses.parameters() * sizes.bytes(),
                pictures.parameters() * sizes.bytes(),
                losses.activations(),
                losses.graph(),
                2 * pictures.activations(),
                2 * pictures.graph(),
                vaeBytes,
                vae == null ? 0 : decode(vae, sizes),
                vae == null ? 0 : vae.gradientBytes(sizes.rows(), sizes.columns()));
    }

    /** As a VAE does it at the least: three tensors of its second level's width at the size of a tile. */
    private static long decode(Autoencoder vae, Sizes sizes) {
        int width =
                vae.config().channels().get(Math.min(1, vae.config().channels().size() - 1));
        long pixels = (long) vae.config().factor()
                * vae.config().factor()
                * Math.min(SMALLEST_TILE, sizes.rows())
                * Math.min(SMALLEST_TILE, sizes.columns());
        return 3L * width * Float.BYTES * pixels;
    }

    private static int ceil(int side, int stride) {
        return (side + stride - 1) / stride;
    }

    /** To rank noises, one at a time. */
    public long toRank() {
        return Math.max(textEncoders, lossWeights + loss);
    }

    /** To optimise noises. */
    public long toOptimize() {
        return Math.max(textEncoders, lossWeights + gradient);
    }

    /** To draw pictures, one at a time. */
    public long toDraw() {
        return Math.max(textEncoders, Math.max(pictureWeights + picture, vae + decode));
    }
}
