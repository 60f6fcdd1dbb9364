package dev.prenoise.verifier;

import dev.prenoise.image.Picture;
import dev.prenoise.tensor.Tensor;

/** A picture as a vector. */
@FunctionalInterface
interface Features {
    /** {@code [1, D]}, not normalised. */
    Tensor of(Picture picture);
}
