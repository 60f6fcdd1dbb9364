package dev.prenoise.verifier;

import dev.prenoise.tensor.ConfigFile;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;
import java.util.ArrayList;
import java.util.List;

/**
 * BLIP's text encoder that looks at a picture (Li et al., arXiv 2201.12086): BERT with cross-attention to the picture's tokens between
 * self-attention and feed-forward, each normed after it is added; names as in {@code models/med.py} of the published code. Sizes are the
 * tensors' own.
 */
final class BlipText {
    private final Weight words;
    private final Weight positions;
    private final Norm norm;
    private final List<Layer> layers = new ArrayList<>();
    private final int vocabulary;
    private final int length;

    /**
     * @param config says how many heads, where it says so
     * @param pictureWidth of the picture's tokens
     */
    BlipText(ConfigFile config, Weights weights, long pictureWidth) {
        List<Long> table = weights.shape("embeddings.word_embeddings.weight");
        words = weights.get("embeddings.word_embeddings.weight", -1, -1);
        long width = table.get(1);
        vocabulary = Math.toIntExact(table.get(0));
        positions = weights.get("embeddings.position_embeddings.weight", -1, width);
        length = Math.toIntExact(
                weights.shape("embeddings.position_embeddings.weight").get(0));
        double eps = config.number("layer_norm_eps", 1e-12);
        norm = Norm.of(weights, "embeddings.LayerNorm", width, eps);
        int heads = VisionBlock.heads(config, width);
        do {
            layers.add(new Layer(weights.under("encoder.layer." + layers.size()), width, pictureWidth, heads, eps));
        } while (weights.has("encoder.layer." + layers.size() + ".intermediate.dense.weight"));
    }

    /**
     * @throws IllegalArgumentException when an id lies outside the vocabulary or there are more than the network has positions for
     */
    void requireKnown(long[] ids) {
        if (ids.length > length) {
            throw new IllegalArgumentException("ids: " + ids.length + " tokens (expected: at most " + length + ")");
        }
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0 || ids[i] >= vocabulary) {
                throw new IllegalArgumentException("ids[" + i + "]: " + ids[i] + " (expected: 0 to " + (vocabulary - 1)
                        + "; is it another network's tokenizer?)");
            }
        }
    }

    /**
     * The last hidden state of the first token. Tokens that fill up a text are left out rather than masked, which is the same.
     *
     * @param ids of one text, its first and last special token included
     * @param picture {@code [B, P, pictureWidth]}
     * @return {@code [B, width]}
     */
    Tensor firstState(long[] ids, Tensor picture) {
        return Scope.of(() -> {
            Tensor table = words.get();
            Tensor h = norm.forward(Tensor.of(picture.compute(), ids, 1, ids.length)
                    .embedding(table)
                    .add(positions.get().narrow(0, 0, ids.length)));
            long width = h.size(2);
            h = h.expand(picture.size(0), ids.length, width);
            for (Layer layer : layers) {
                h = layer.forward(h, picture);
            }
            return h.narrow(1, 0, 1).reshape(picture.size(0), width);
        });
    }

    private static final class Layer {
        private final Attention own;
        private final Attention cross;
        private final Linear feedIn;
        private final Linear feedOut;
        private final Norm norm;

        Layer(Weights weights, long width, long pictureWidth, int heads, double eps) {
            own = new Attention(weights.under("attention"), width, width, heads, eps);
            cross = new Attention(weights.under("crossattention"), width, pictureWidth, heads, eps);
            feedIn = Linear.of(weights, "intermediate.dense", width, -1);
            feedOut = Linear.of(weights, "output.dense", -1, width);
            norm = Norm.of(weights, "output.LayerNorm", width, eps);
        }

        Tensor forward(Tensor x, Tensor picture) {
            return Scope.of(() -> {
                Tensor h = cross.forward(own.forward(x, x), picture);
                return norm.forward(feedOut.forward(feedIn.forward(h).gelu()).add(h));
            });
        }
    }

    private static final class Attention {
        private final Linear query;
        private final Linear key;
        private final Linear value;
        private final Linear out;
        private final Norm norm;
        private final int heads;

        Attention(Weights weights, long width, long contextWidth, int heads, double eps) {
            query = Linear.of(weights, "self.query", width, width);
            key = Linear.of(weights, "self.key", contextWidth, width);
            value = Linear.of(weights, "self.value", contextWidth, width);
            out = Linear.of(weights, "output.dense", width, width);
            norm = Norm.of(weights, "output.LayerNorm", width, eps);
            this.heads = heads;
        }

        Tensor forward(Tensor x, Tensor context) {
            Tensor attended = query.forward(x).attention(key.forward(context), value.forward(context), heads);
            return norm.forward(out.forward(attended).add(x));
        }
    }
}
