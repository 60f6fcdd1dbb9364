package dev.prenoise.backbone.vae;

import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Latents to a rough picture by one linear map for each latent pixel: no network, no weights, next to no time. Colours and large shapes are
 * right, detail is missing. The numbers were fitted for ComfyUI ({@code latent_rgb_factors} of {@code comfy/latent_formats.py}).
 */
public enum LatentPreview {
    /** Latents of Stable Diffusion 1 and 2. */
    STABLE_DIFFUSION(
            new float[][] {
                {0.3512f, 0.2297f, 0.3227f},
                {0.3250f, 0.4974f, 0.2350f},
                {-0.2829f, 0.1762f, 0.2721f},
                {-0.2120f, -0.2616f, -0.7177f}
            },
            new float[3]),

    /** Latents of Stable Diffusion XL and what is distilled from it. */
    SDXL(
            new float[][] {
                {0.3651f, 0.4232f, 0.4341f},
                {-0.2533f, -0.0042f, 0.1068f},
                {0.1076f, 0.1111f, -0.0362f},
                {-0.3165f, -0.2492f, -0.2188f}
            },
            new float[] {0.1084f, -0.0175f, -0.0011f});

    /** Of each latent channel, red, green and blue. */
    private final float[][] factors;

    private final float[] bias;

    LatentPreview(float[][] factors, float[] bias) {
        this.factors = factors;
        this.bias = bias;
    }

    /**
     * @param family "sd1", "sd2", "sdxl", "ssd-1b" or "vega"
     * @return null for a family whose latents nobody has fitted
     */
    public static @Nullable LatentPreview of(String family) {
        return switch (family) {
            case "sd1", "sd2" -> STABLE_DIFFUSION;
            case "sdxl", "ssd-1b", "vega" -> SDXL;
            default -> null;
        };
    }

    /**
     * @param latents scaled and clean, {@code [B, 4, h, w]}
     * @return pictures {@code [B, 3, h, w]}, float32, about -1 to 1, not clamped
     */
    public Tensor pictures(Tensor latents) {
        return pictures(latents, 1);
    }

    /**
     * @param factor pixels of the picture for each latent pixel, on each side; 8 gives the size of the decoded picture
     * @return pictures {@code [B, 3, factor * h, factor * w]}, float32, about -1 to 1, not clamped
     * @throws IllegalArgumentException when there are not 4 channels
     */
    public Tensor pictures(Tensor latents, int factor) {
        int channels = factors.length;
        if (latents.size(1) != channels) {
            throw new IllegalArgumentException(
                    "latents: " + latents.size(1) + " channels (expected: " + channels + ")");
        }
        float[] weight = new float[3 * channels];
        for (int color = 0; color < 3; color++) {
            for (int channel = 0; channel < channels; channel++) {
                weight[color * channels + channel] = factors[channel][color];
            }
        }
        return Scope.of(() -> {
            Tensor map = Tensor.of(latents.compute(), weight, 3, channels, 1, 1);
            Tensor small = latents.like(map).conv2d(map, Tensor.of(latents.compute(), bias, 3), 1, 0);
            return factor == 1 ? small : small.upsampleNearest(factor * small.size(2), factor * small.size(3));
        });
    }
}
