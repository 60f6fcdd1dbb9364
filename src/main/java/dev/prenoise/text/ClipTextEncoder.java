package dev.prenoise.text;

import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * CLIP's text transformer (Radford et al. 2021; names as in transformers' CLIPTextModel and CLIPTextModelWithProjection): token and
 * position embeddings, layers of causal attention and feed-forward, a final norm, and a projection where the model has one. CLIP-L,
 * OpenCLIP-H and OpenCLIP-bigG differ in size and activation only. One thread at a time.
 */
public final class ClipTextEncoder implements AutoCloseable {
    private final ClipTextConfig config;
    private final Weights weights;
    private final Weight tokens;
    private final Weight positions;
    private final List<ClipLayer> layers = new ArrayList<>();
    private final Weight finalNorm;
    private final Weight finalNormBias;
    private final @Nullable Weight projection;

    /**
     * What was asked of a text.
     *
     * @param hidden {@code [B, length, width]}
     * @param pooled {@code [B, P]}, P the projection's width; null where it was not asked for
     */
    public record Output(Tensor hidden, @Nullable Tensor pooled) {}

    /**
     * @throws dev.prenoise.tensor.SafetensorsException when a tensor is missing or has another shape than the config says
     */
    public ClipTextEncoder(ClipTextConfig config, Weights weights) {
        this.config = config;
        this.weights = weights;
        Weights model = weights.has("text_model.final_layer_norm.weight") ? weights.under("text_model") : weights;
        tokens = model.get("embeddings.token_embedding.weight", config.vocabulary(), config.width());
        positions = model.get("embeddings.position_embedding.weight", config.length(), config.width());
        ClipLayer.Shape shape = new ClipLayer.Shape(
                config.width(),
                config.feedForwardWidth(),
                config.heads(),
                config.layerNormEps(),
                config.quickGelu(),
                true);
        for (int i = 0; i < config.layers(); i++) {
            layers.add(new ClipLayer(model.under("encoder.layers." + i), shape));
        }
        finalNorm = model.get("final_layer_norm.weight", config.width());
        finalNormBias = model.get("final_layer_norm.bias", config.width());
        projection = weights.has("text_projection.weight")
                ? weights.get("text_projection.weight", -1, config.width())
                : null;
    }

    public ClipTextConfig config() {
        return config;
    }

    public Weights weights() {
        return weights;
    }

    /**
     * @param ids token ids {@code [B][length]}; rows may all be shorter than the model's length, which changes nothing before their ends
     * @return the last hidden state after the final norm, {@code [B, length, width]}
     * @throws IllegalArgumentException when rows differ in length or are longer than the model's, or an id lies outside the vocabulary
     */
    public Tensor encode(long[][] ids) {
        return encode(ids, 0, true, false).hidden();
    }

    /**
     * One hidden state and, if asked for, the pooled vector: the projection (where the model has one) of the last hidden state, after the
     * final norm, at each row's end-of-text. Layers that neither needs are not run.
     *
     * @param ids token ids {@code [B][length]}; rows may all be shorter than the model's length, which changes nothing before their ends
     * @param layersEarlier how many layers before the last: transformers' {@code hidden_states[-1 - layersEarlier]}
     * @param finalNorm whether the hidden state goes through the final norm, as the last one does in transformers' {@code last_hidden_state}
     * @throws IllegalArgumentException as {@link #encode(long[][])}, and when the model has no such layer
     */
    public Output encode(long[][] ids, int layersEarlier, boolean finalNorm, boolean pooled) {
        if (layersEarlier < 0 || layersEarlier >= layers.size()) {
            throw new IllegalArgumentException(
                    "layers_earlier: " + layersEarlier + " (expected: 0 to " + (layers.size() - 1) + ")");
        }
        long[] flat = flat(ids);
        int asked = layers.size() - 1 - layersEarlier;
        try (Scope scope = new Scope()) {
            int length = ids.length == 0 ? 0 : ids[0].length;
            Tensor h = Tensor.of(weights.compute(), flat, ids.length, length)
                    .embedding(tokens.get())
                    .add(positions.get().narrow(0, 0, length));
            Tensor hidden = h;
            for (int i = 0; i < (pooled ? layers.size() : asked + 1); i++) {
                h = layers.get(i).forward(h);
                hidden = i == asked ? h : hidden;
            }
            Tensor vector = pooled ? pool(norm(h), ids) : null;
            return new Output(
                    scope.keep(finalNorm ? norm(hidden) : hidden), vector == null ? null : scope.keep(vector));
        }
    }

    private long[] flat(long[][] ids) {
        int length = ids.length == 0 ? 0 : ids[0].length;
        long[] flat = new long[ids.length * length];
        for (int row = 0; row < ids.length; row++) {
            if (ids[row].length > config.length() || ids[row].length != length) {
                throw new IllegalArgumentException("ids: " + ids[row].length + " tokens (expected: "
                        + (ids[row].length == length ? "at most " + config.length() : length + ", as in the first row")
                        + ")");
            }
            for (int i = 0; i < length; i++) {
                if (ids[row][i] < 0 || ids[row][i] >= config.vocabulary()) {
                    throw new IllegalArgumentException(
                            "ids[" + i + "]: " + ids[row][i] + " (expected: 0 to " + (config.vocabulary() - 1) + ")");
                }
                flat[row * length + i] = ids[row][i];
            }
        }
        return flat;
    }

    private Tensor norm(Tensor h) {
        return h.layerNorm(finalNorm.get(), finalNormBias.get(), config.layerNormEps());
    }

    private Tensor pool(Tensor last, long[][] ids) {
        long[] places = new long[ids.length];
        for (int row = 0; row < ids.length; row++) {
            places[row] = (long) row * ids[row].length + endOfText(ids[row]);
        }
        // One look-up for all rows: a slice for each would cost a gradient of the whole tensor's size for each.
        Tensor ends = Tensor.of(weights.compute(), places, ids.length).embedding(last.reshape(-1, config.width()));
        return projection == null ? ends : ends.linear(projection.get(), null);
    }

    /** The first end-of-text token. Older configs name 2 by mistake, which transformers reads as "the highest id", and so does this. */
    private int endOfText(long[] ids) {
        int highest = 0;
        for (int i = 0; i < ids.length; i++) {
            if (config.eosId() != 2 && ids[i] == config.eosId()) {
                return i;
            }
            highest = ids[i] > ids[highest] ? i : highest;
        }
        return config.eosId() == 2 ? highest : 0;
    }

    @Override
    public void close() {
        weights.close();
    }
}
