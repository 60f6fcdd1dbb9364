package dev.prenoise.backbone.unet;

import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;

/** Linear, SiLU, linear: what diffusers calls a TimestepEmbedding. */
final class TwoLayers {
    private final Weight linear1;
    private final Weight bias1;
    private final Weight linear2;
    private final Weight bias2;

    TwoLayers(Weights weights, int in, int out) {
        linear1 = weights.get("linear_1.weight", out, in);
        bias1 = weights.get("linear_1.bias", out);
        linear2 = weights.get("linear_2.weight", out, out);
        bias2 = weights.get("linear_2.bias", out);
    }

    Tensor forward(Tensor x) {
        return x.linear(linear1.get(), bias1.get()).silu().linear(linear2.get(), bias2.get());
    }
}
