package dev.prenoise.backbone.vae;

import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * AutoencoderKL: pictures {@code [B, 3, factor * H, factor * W]} in [-1, 1] to scaled latents {@code [B, C, H, W]} and back (Rombach et
 * al. 2022; names as in diffusers). Large pictures go through it in tiles.
 *
 * <p>It computes in float32 even where the UNet computes in float16: the activations of SDXL's leave the range of half precision, and the
 * picture is black or full of holes. Inputs of any floating type are converted.
 *
 * <p>One thread at a time.
 */
public final class Autoencoder implements AutoCloseable {
    static final double NORM_EPS = 1e-6;

    /** The largest side, in latent pixels, that goes through whole when there is memory for it: SDXL's own size. */
    private static final int WHOLE = 128;

    /** Below this, what a tile does not see of its surroundings shows. */
    private static final int SMALLEST_TILE = 32;

    private final VaeConfig config;
    private final Weights weights;
    private final Encoder encoder;
    private final Decoder decoder;
    private final @Nullable Conv quantConv;
    private final @Nullable Conv postQuantConv;

    /**
     * @param weights of type float32 or wider
     * @throws dev.prenoise.tensor.SafetensorsException when a tensor is missing or has another shape than the config says
     * @throws IllegalArgumentException when the weights have 16 bits
     */
    public Autoencoder(VaeConfig config, Weights weights) {
        if (weights.type().isHalf()) {
            throw new IllegalArgumentException(
                    "weights: " + weights.type() + " (expected: FLOAT32, which a VAE needs)");
        }
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

    /**
     * Scaled latents {@code [B, C, H, W]} to pictures, not clamped: whole up to 128 latent pixels a side (1024 pixels with a factor of 8) where
     * there is memory for it, else in the largest tiles of 128, 96, 64 and 32 that there is memory for; and one picture after the other where
     * there is none for all at once.
     *
     * @param bytes that may be taken beside the weights
     */
    public Tensor decodeWithin(Tensor latents, long bytes) {
        long rows = latents.size(2);
        long columns = latents.size(3);
        int tile = tileLatents(rows, columns, bytes);
        long each = tile == 0 ? bytes(rows, columns) : bytes(Math.min(tile, rows), Math.min(tile, columns));
        if (latents.size(0) <= Math.max(1, bytes / each)) {
            return decode(latents, tile);
        }
        return Scope.of(() -> Tensor.cat(
                0,
                LongStream.range(0, latents.size(0))
                        .mapToObj(i -> decode(latents.narrow(0, i, 1), tile))
                        .toList()));
    }

    /**
     * Scaled latents to pictures, not clamped.
     *
     * @param tileLatents side of a tile in latent pixels, a multiple of 4; 0 = never tile. What is no larger goes through whole
     * @throws IllegalArgumentException when the tile's side is neither
     */
    public Tensor decode(Tensor latents, int tileLatents) {
        requireTile(tileLatents);
        return Scope.of(() -> {
            Tensor raw = decoder.like(latents).mul(1 / config.scalingFactor()).add(config.shiftFactor());
            return fits(latents.size(2), latents.size(3), tileLatents)
                    ? decodeWhole(raw)
                    : new Tiling(tileLatents, (long) tileLatents * config.factor()).apply(raw, this::decodeWhole);
        });
    }

    private Tensor decodeWhole(Tensor raw) {
        return decoder.forward(postQuantConv == null ? raw : postQuantConv.forward(raw));
    }

    /**
     * Pictures in [-1, 1] to the mean of their scaled latents. The sides must be multiples of the factor.
     *
     * @param tileLatents side of a tile in latent pixels, a multiple of 4; 0 = never tile. What is no larger goes through whole
     * @throws IllegalArgumentException when the tile's side is neither
     */
    public Tensor encode(Tensor pictures, int tileLatents) {
        requireTile(tileLatents);
        int factor = config.factor();
        return Scope.of(() -> {
            Tensor input = encoder.like(pictures);
            Tensor moments = fits(pictures.size(2) / factor, pictures.size(3) / factor, tileLatents)
                    ? encodeWhole(input)
                    : new Tiling((long) tileLatents * factor, tileLatents).apply(input, this::encodeWhole);
            return mean(moments);
        });
    }

    /**
     * What the encoder says of pictures in [-1, 1], of which training draws: a normal distribution of scaled latents. Never in tiles.
     */
    public Posterior posterior(Tensor pictures) {
        int channels = config.latentChannels();
        try (Scope scope = new Scope()) {
            Tensor moments = encodeWhole(encoder.like(pictures));
            Tensor logVariance = moments.narrow(1, channels, channels).clamp(-30, 20);
            Tensor deviation = logVariance.mul(0.5).exp().mul(config.scalingFactor());
            return new Posterior(scope.keep(mean(moments)), scope.keep(deviation));
        }
    }

    private Tensor mean(Tensor moments) {
        return moments.narrow(1, 0, config.latentChannels())
                .add(-config.shiftFactor())
                .mul(config.scalingFactor());
    }

    /**
     * @param mean {@code [B, C, H, W]}
     * @param deviation {@code [B, C, H, W]}
     */
    public record Posterior(Tensor mean, Tensor deviation) {}

    private Tensor encodeWhole(Tensor pictures) {
        Tensor moments = encoder.forward(pictures);
        return quantConv == null ? moments : quantConv.forward(moments);
    }

    /** The tile's side for a picture of this size, in latent pixels; 0 = whole. */
    int tileLatents(long rows, long columns, long free) {
        if (rows <= WHOLE && columns <= WHOLE && bytes(rows, columns) <= free) {
            return 0;
        }
        int tile = WHOLE;
        while (tile > SMALLEST_TILE && bytes(tile, tile) > free) {
            tile -= SMALLEST_TILE;
        }
        return tile;
    }

    /**
     * What decoding or encoding one picture takes at its peak, without weights: four tensors of the second level's width at the picture's full
     * size. For Stable Diffusion's VAE that is 262 kB for each latent pixel; 230 kB were measured on a CPU.
     */
    long bytes(long rows, long columns) {
        int width = config.channels().get(Math.min(1, config.channels().size() - 1));
        return 4L * width * Float.BYTES * config.factor() * config.factor() * rows * columns;
    }

    /**
     * What decoding one picture whole with a graph takes, without weights: what each convolution and norm keeps of its input, on every level.
     */
    public long gradientBytes(long rows, long columns) {
        long elements = 0;
        int levels = config.channels().size();
        long in = config.channels().get(levels - 1);
        for (int i = levels - 1; i >= 0; i--) {
            long out = config.channels().get(i);
            long side = 1L << (levels - 1 - i);
            long pixels = side * side * rows * columns;
            for (int j = 0; j <= config.layersPerBlock(); j++) {
                elements += (2 * in + 4 * out) * pixels;
                in = out;
            }
            // the upsampled, before and after its convolution
            elements += i > 0 ? 2 * out * 4 * pixels : 2 * out * pixels;
        }
        return elements * Float.BYTES + bytes(rows, columns);
    }

    private static boolean fits(long rows, long columns, int tile) {
        return tile == 0 || rows <= tile && columns <= tile;
    }

    private static void requireTile(int tile) {
        if (tile < 0 || tile % 4 != 0) {
            throw new IllegalArgumentException("tileLatents: " + tile + " (expected: 0 or a positive multiple of 4)");
        }
    }

    @Override
    public void close() {
        weights.close();
    }
}
