package dev.prenoise.noise;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How to make one noise again. Without steps and base it is a plain seed that any host can use by itself.
 *
 * @param seed unsigned 64-bit seed
 * @param shape {@code [1, C, H, W]}
 * @param steps applied in order
 * @param baseSha256 when the noise starts from a tensor that the caller sent, the SHA-256 of its float32 bytes
 */
public record NoiseRecipe(
        long seed,
        NoiseSource source,
        List<Long> shape,
        List<NoiseStep> steps,
        @Nullable String baseSha256) {
    public NoiseRecipe {
        shape = List.copyOf(shape);
        steps = List.copyOf(steps);
    }

    /** A plain seed. */
    public static NoiseRecipe of(long seed, NoiseSource source, List<Long> shape) {
        return new NoiseRecipe(seed, source, shape, List.of(), null);
    }
}
