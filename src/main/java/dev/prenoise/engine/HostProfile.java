package dev.prenoise.engine;

import dev.prenoise.diffusion.Prediction;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link Host} says of itself.
 *
 * @param noiseShape {@code [1, C, H, W]}
 * @param maxBatch noises of one question, at least 1
 * @param gradients whether it can go back through its graph
 * @param pictureCalls function evaluations of one picture, a guided call counted once; 0 where it draws none, or does not say
 * @param rows of the batch in one function evaluation of one noise, at least 1
 * @param gradientCalls function evaluations that a picture's gradient goes back through
 * @param sigmas the levels that it can walk between, highest first, 0 last; empty = it cannot
 * @param prediction what its network predicts: how noise is added on the walk; null = it cannot walk
 */
public record HostProfile(
        List<Long> noiseShape,
        int maxBatch,
        boolean gradients,
        int pictureCalls,
        int rows,
        int gradientCalls,
        List<Double> sigmas,
        @Nullable Prediction prediction) {
    public HostProfile {
        noiseShape = List.copyOf(noiseShape);
        sigmas = List.copyOf(sigmas);
    }

    long[] shape() {
        return noiseShape.stream().mapToLong(Long::longValue).toArray();
    }
}
