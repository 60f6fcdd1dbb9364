package dev.prenoise.backbone.vae;

import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;

/** A convolution with bias that keeps the size, or halves it. */
record Conv(Weight weight, Weight bias, int stride, int padding) {
    static Conv of(Weights weights, String name, int in, int out, int kernel) {
        return new Conv(
                weights.get(name + ".weight", out, in, kernel, kernel),
                weights.get(name + ".bias", out),
                1,
                kernel / 2);
    }

    /** Stride 2 without padding: the caller pads below and at the right. */
    static Conv halving(Weights weights, String name, int channels) {
        return new Conv(
                weights.get(name + ".weight", channels, channels, 3, 3), weights.get(name + ".bias", channels), 2, 0);
    }

    Tensor forward(Tensor x) {
        return x.conv2d(weight.get(), bias.get(), stride, padding);
    }
}
