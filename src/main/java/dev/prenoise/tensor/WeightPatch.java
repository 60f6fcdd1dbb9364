package dev.prenoise.tensor;

/** A change to one weight, such as a LoRA's. Patches are compared by identity: the same object means the same change. */
@FunctionalInterface
public interface WeightPatch {
    /**
     * @param weight float32 on the device that computes; not to be written to
     * @return another tensor of the same shape, in the innermost scope
     */
    Tensor apply(Tensor weight);
}
