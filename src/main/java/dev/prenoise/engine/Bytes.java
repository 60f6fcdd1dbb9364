package dev.prenoise.engine;

import dev.prenoise.tensor.Weights;

/** Sizes of weights. */
final class Bytes {
    private Bytes() {}

    /** Of all that a network has asked for, in its type. */
    static long of(Weights weights) {
        return weights.asked().values().stream()
                .mapToLong(shape -> shape.stream().reduce(1L, (a, b) -> a * b)
                        * weights.type().bytes())
                .sum();
    }
}
