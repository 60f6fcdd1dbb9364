package dev.prenoise.engine;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import java.util.Locale;
import org.slf4j.LoggerFactory;

/**
 * In what floating type a UNet and its text encoders are held and computed. The VAE (whose halves overflow in SDXL), attention maps summed
 * over heads, losses and samplers are in float32 whatever is chosen.
 */
public enum Precision {
    /** Halves on a GPU, float32 on a CPU. */
    AUTO,
    FP16,
    /** On a CPU whose products of these are faster than those of float32. Its text encoders are in float32: they run once for a prompt. */
    BF16,
    FP32;

    /** Of the UNet. */
    DType network(Compute compute) {
        return network(compute.name());
    }

    /**
     * Of the UNet on any machine's device.
     *
     * @param device as {@link Compute#nameOf} has it
     */
    DType network(String device) {
        return switch (this) {
            case AUTO -> Compute.computesHalf(device) ? DType.FLOAT16 : DType.FLOAT32;
            case FP16 -> DType.FLOAT16;
            case BF16 -> DType.BFLOAT16;
            case FP32 -> DType.FLOAT32;
        };
    }

    /** Of the text encoders. */
    DType text(Compute compute) {
        return this == BF16 ? DType.FLOAT32 : network(compute);
    }

    /** Whether the UNet is computed in float32, which others are held against. */
    public boolean isFloat32(Compute compute) {
        return network(compute) == DType.FLOAT32;
    }

    /** Says so once in the log where a processor computes bfloat16 slower than float32. */
    void warnWhereSlow(Compute compute) {
        if (this != BF16 || !compute.isCpu()) {
            return;
        }
        double speed = compute.bfloat16Speed();
        if (speed < 1) {
            LoggerFactory.getLogger(Precision.class)
                    .warn(
                            "computing in bfloat16 is slower than in float32 on this processor, which has no instructions for it "
                                    + "(a convolution runs at {} times the speed)",
                            String.format(Locale.ROOT, "%.2f", speed));
        }
    }
}
