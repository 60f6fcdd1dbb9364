package dev.prenoise.text;

import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;

/**
 * A layer of CLIP's transformers, the text's and the picture's (Radford et al. 2021; names as in transformers' CLIPEncoderLayer): attention
 * and feed-forward, each after a norm and added to what went in. One thread at a time.
 */
public final class ClipLayer {
    private final Shape shape;
    private final Weight norm1;
    private final Weight norm1Bias;
    private final Linear q;
    private final Linear k;
    private final Linear v;
    private final Linear out;
    private final Weight norm2;
    private final Weight norm2Bias;
    private final Linear feedIn;
    private final Linear feedOut;

    /**
     * @param quickGelu whether the activation is {@code x * sigmoid(1.702 x)} rather than GELU
     * @param causal whether a place sees itself and those before it alone
     */
    public record Shape(
            int width, int feedForwardWidth, int heads, double layerNormEps, boolean quickGelu, boolean causal) {}

    /**
     * @param weights of this layer
     * @throws dev.prenoise.tensor.SafetensorsException when a tensor is missing or has another shape
     */
    public ClipLayer(Weights weights, Shape shape) {
        int width = shape.width();
        this.shape = shape;
        norm1 = weights.get("layer_norm1.weight", width);
        norm1Bias = weights.get("layer_norm1.bias", width);
        q = Linear.of(weights, "self_attn.q_proj", width, width);
        k = Linear.of(weights, "self_attn.k_proj", width, width);
        v = Linear.of(weights, "self_attn.v_proj", width, width);
        out = Linear.of(weights, "self_attn.out_proj", width, width);
        norm2 = weights.get("layer_norm2.weight", width);
        norm2Bias = weights.get("layer_norm2.bias", width);
        feedIn = Linear.of(weights, "mlp.fc1", width, shape.feedForwardWidth());
        feedOut = Linear.of(weights, "mlp.fc2", shape.feedForwardWidth(), width);
    }

    /**
     * @param x {@code [B, T, width]}
     * @return {@code [B, T, width]}
     */
    public Tensor forward(Tensor x) {
        return Scope.of(() -> {
            Tensor n = norm1(x);
            Tensor key = k.forward(n);
            Tensor value = v.forward(n);
            Tensor query = q.forward(n);
            return feedForward(x.add(out.forward(
                    shape.causal()
                            ? query.causalAttention(key, value, shape.heads())
                            : query.attention(key, value, shape.heads()))));
        });
    }

    /**
     * {@link #forward} at the first place alone, which of a last layer is all that a picture's embedding reads.
     *
     * @param x {@code [B, T, width]}
     * @return {@code [B, 1, width]}
     */
    public Tensor forwardFirst(Tensor x) {
        if (shape.causal()) {
            throw new IllegalStateException(
                    "forwardFirst: of a causal layer (expected: one whose first place sees all)");
        }
        return Scope.of(() -> {
            Tensor n = norm1(x);
            Tensor query = q.forward(n.narrow(1, 0, 1));
            return feedForward(
                    x.narrow(1, 0, 1).add(out.forward(query.attention(k.forward(n), v.forward(n), shape.heads()))));
        });
    }

    private Tensor norm1(Tensor x) {
        return x.layerNorm(norm1.get(), norm1Bias.get(), shape.layerNormEps());
    }

    private Tensor feedForward(Tensor h) {
        Tensor wide = feedIn.forward(h.layerNorm(norm2.get(), norm2Bias.get(), shape.layerNormEps()));
        return h.add(feedOut.forward(shape.quickGelu() ? wide.quickGelu() : wide.gelu()));
    }

    private record Linear(Weight weight, Weight bias) {
        static Linear of(Weights weights, String name, int in, int out) {
            return new Linear(weights.get(name + ".weight", out, in), weights.get(name + ".bias", out));
        }

        Tensor forward(Tensor x) {
            return weight.linear(x, bias);
        }
    }
}
