package dev.prenoise.engine;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A prompt that the host has encoded itself: nothing of the sidecar's own text encoder or tokenizer is then used. Whether the shapes fit the
 * model is checked by {@link Model#prepare}.
 *
 * @param embeddings {@code [1, T, D]}
 * @param pooled SDXL's, {@code [1, P]}; null for families without
 * @param negativeEmbeddings {@code [1, T, D]}; needed for guided pictures only
 * @param negativePooled {@code [1, P]}; likewise
 * @param timeIds SDXL's original height and width, crop top and left, target height and width; empty = the picture's size, no crop
 */
public record ConditioningSpec(
        Values embeddings,
        @Nullable Values pooled,
        @Nullable Values negativeEmbeddings,
        @Nullable Values negativePooled,
        List<Double> timeIds) {
    public ConditioningSpec {
        timeIds = List.copyOf(timeIds);
    }

    /**
     * A dense tensor, row-major. The array is not copied: leave it as it is.
     *
     * @throws IllegalArgumentException when the number of values is not that of the shape
     */
    public record Values(List<Long> shape, float[] data) {
        public Values {
            shape = List.copyOf(shape);
            long size = shape.stream().reduce(1L, Math::multiplyExact);
            if (size != data.length) {
                throw new IllegalArgumentException(
                        "values: " + data.length + " (expected: " + size + " for shape " + shape + ")");
            }
        }
    }
}
