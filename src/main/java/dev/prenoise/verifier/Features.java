package dev.prenoise.verifier;

import dev.prenoise.image.Picture;
import dev.prenoise.tensor.Tensor;
import java.util.List;

/** Pictures as vectors. */
@FunctionalInterface
interface Features {
    /** How many pictures go through a network at once: more gain little, and take memory from whoever draws. */
    int BATCH = 8;

    /**
     * @param pictures at most {@link #BATCH}
     * @return {@code [B, D]}, not normalised
     */
    Tensor of(List<Picture> pictures);
}
