package dev.prenoise.engine;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;

/**
 * In what floating type a UNet and its text encoders are held and computed. The VAE (whose halves overflow in SDXL), attention maps summed
 * over heads, losses and samplers are in float32 whatever is chosen.
 */
public enum Precision {
    /** Halves on a GPU, float32 on a CPU. */
    AUTO,
    FP16,
    FP32;

    DType network(Compute compute) {
        return switch (this) {
            case AUTO -> compute.computesHalf() ? DType.FLOAT16 : DType.FLOAT32;
            case FP16 -> DType.FLOAT16;
            case FP32 -> DType.FLOAT32;
        };
    }
}
