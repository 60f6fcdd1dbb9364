package dev.prenoise.text;

import dev.prenoise.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What a network is told of a prompt.
 *
 * @param context {@code [1, T, D]}, T the encoder's length times the number of chunks, D the towers' widths one behind the other
 * @param pooled {@code [1, P]} of the first chunk; null in families that have none
 */
public record EncodedText(Tensor context, @Nullable Tensor pooled) {}
