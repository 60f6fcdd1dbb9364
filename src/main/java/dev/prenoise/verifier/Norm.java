package dev.prenoise.verifier;

import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;

/** A layer norm. */
record Norm(Weight weight, Weight bias, double eps) {
    static Norm of(Weights weights, String name, long width, double eps) {
        return new Norm(weights.get(name + ".weight", width), weights.get(name + ".bias", width), eps);
    }

    /** {@code [.., width]}, over the last dimension. */
    Tensor forward(Tensor x) {
        return x.layerNorm(weight.get(), bias.get(), eps);
    }
}
