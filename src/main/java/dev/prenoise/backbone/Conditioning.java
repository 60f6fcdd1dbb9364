package dev.prenoise.backbone;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What a network is told beside the latents and the timestep. A first dimension of 1 stands for the whole batch.
 *
 * @param context text embeddings {@code [1 or B, T, contextWidth]}
 * @param pooled one vector for the whole prompt, {@code [1 or B, P]}; null where the network takes none
 * @param timeIds numbers about the picture, in SDXL original height and width, top and left crop, target height and width in pixels:
 *     {@code [1 or B, 6]}; null where the network takes none
 */
public record Conditioning(
        Tensor context, @Nullable Tensor pooled, @Nullable Tensor timeIds) {
    /** Of a network that takes text embeddings and nothing else. */
    public static Conditioning of(Tensor context) {
        return new Conditioning(context, null, null);
    }

    public Compute compute() {
        return context.compute();
    }
}
