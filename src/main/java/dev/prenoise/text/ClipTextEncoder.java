package dev.prenoise.text;

import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;
import java.util.ArrayList;
import java.util.List;

/**
 * CLIP's text transformer (Radford et al. 2021; names as in transformers' CLIPTextModel): token and position embeddings, layers of
 * causal attention and feed-forward, a final norm. One thread at a time.
 */
public final class ClipTextEncoder implements AutoCloseable {
    private final ClipTextConfig config;
    private final Weights weights;
    private final Weight tokens;
    private final Weight positions;
    private final List<Layer> layers = new ArrayList<>();
    private final Weight finalNorm;
    private final Weight finalNormBias;

    /**
     * @throws dev.prenoise.tensor.SafetensorsException when a tensor is missing or has another shape than the config says
     */
    public ClipTextEncoder(ClipTextConfig config, Weights weights) {
        this.config = config;
        this.weights = weights;
        Weights model = weights.has("text_model.final_layer_norm.weight") ? weights.under("text_model") : weights;
        tokens = model.get("embeddings.token_embedding.weight", config.vocabulary(), config.width());
        positions = model.get("embeddings.position_embedding.weight", config.length(), config.width());
        for (int i = 0; i < config.layers(); i++) {
            layers.add(new Layer(model.under("encoder.layers." + i), config));
        }
        finalNorm = model.get("final_layer_norm.weight", config.width());
        finalNormBias = model.get("final_layer_norm.bias", config.width());
    }

    public ClipTextConfig config() {
        return config;
    }

    public Weights weights() {
        return weights;
    }

    /**
     * @param ids token ids {@code [B][length]}
     * @return the last hidden state after the final norm, {@code [B, length, width]}
     * @throws IllegalArgumentException when a row has another length than the model's, or an id lies outside the vocabulary
     */
    public Tensor encode(long[][] ids) {
        long[] flat = new long[ids.length * config.length()];
        for (int row = 0; row < ids.length; row++) {
            if (ids[row].length != config.length()) {
                throw new IllegalArgumentException(
                        "ids: " + ids[row].length + " tokens (expected: " + config.length() + ")");
            }
            for (int i = 0; i < config.length(); i++) {
                if (ids[row][i] < 0 || ids[row][i] >= config.vocabulary()) {
                    throw new IllegalArgumentException(
                            "ids[" + i + "]: " + ids[row][i] + " (expected: 0 to " + (config.vocabulary() - 1) + ")");
                }
                flat[row * config.length() + i] = ids[row][i];
            }
        }
        return Scope.of(() -> {
            Tensor h = Tensor.of(weights.compute(), flat, ids.length, config.length())
                    .embedding(tokens.get())
                    .add(positions.get());
            for (Layer layer : layers) {
                h = layer.forward(h);
            }
            return h.layerNorm(finalNorm.get(), finalNormBias.get(), config.layerNormEps());
        });
    }

    @Override
    public void close() {
        weights.close();
    }

    private static final class Layer {
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
        private final ClipTextConfig config;

        Layer(Weights weights, ClipTextConfig config) {
            int width = config.width();
            this.config = config;
            norm1 = weights.get("layer_norm1.weight", width);
            norm1Bias = weights.get("layer_norm1.bias", width);
            q = Linear.of(weights, "self_attn.q_proj", width, width);
            k = Linear.of(weights, "self_attn.k_proj", width, width);
            v = Linear.of(weights, "self_attn.v_proj", width, width);
            out = Linear.of(weights, "self_attn.out_proj", width, width);
            norm2 = weights.get("layer_norm2.weight", width);
            norm2Bias = weights.get("layer_norm2.bias", width);
            feedIn = Linear.of(weights, "mlp.fc1", width, config.feedForwardWidth());
            feedOut = Linear.of(weights, "mlp.fc2", config.feedForwardWidth(), width);
        }

        Tensor forward(Tensor x) {
            return Scope.of(() -> {
                Tensor n = x.layerNorm(norm1.get(), norm1Bias.get(), config.layerNormEps());
                Tensor h = x.add(out.forward(q.forward(n).causalAttention(k.forward(n), v.forward(n), config.heads())));
                Tensor wide = feedIn.forward(h.layerNorm(norm2.get(), norm2Bias.get(), config.layerNormEps()));
                return h.add(feedOut.forward(config.quickGelu() ? wide.quickGelu() : wide.gelu()));
            });
        }
    }

    private record Linear(Weight weight, Weight bias) {
        static Linear of(Weights weights, String name, int in, int out) {
            return new Linear(weights.get(name + ".weight", out, in), weights.get(name + ".bias", out));
        }

        Tensor forward(Tensor x) {
            return x.linear(weight.get(), bias.get());
        }
    }
}
