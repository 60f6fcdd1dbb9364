package dev.prenoise.verifier;

import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;

/** A linear layer with bias. */
record Linear(Weight weight, Weight bias) {
    /**
     * @param in -1 = any
     * @param out -1 = any
     */
    static Linear of(Weights weights, String name, long in, long out) {
        return new Linear(weights.get(name + ".weight", out, in), weights.get(name + ".bias", out));
    }

    /** {@code [.., in]} to {@code [.., out]}. */
    Tensor forward(Tensor x) {
        return weight.linear(x, bias);
    }
}
