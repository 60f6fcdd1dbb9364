package dev.prenoise.verifier;

import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.tensor.Weights;
import dev.prenoise.text.ClipTextEncoder;
import java.util.Objects;

/**
 * CLIP (Radford et al. 2021): one embedding for pictures and texts, near each other where the text fits the picture. Names as in
 * transformers' CLIPModel. One thread at a time.
 */
public final class ClipModel implements AutoCloseable {
    private final ClipConfig config;
    private final Weights weights;
    private final ClipVision vision;
    private final ClipTextEncoder text;
    private final Weight logitScale;

    /**
     * @throws dev.prenoise.tensor.SafetensorsException when a tensor is missing or has another shape than the config says
     */
    public ClipModel(ClipConfig config, Weights weights) {
        this.config = config;
        this.weights = weights;
        vision = new ClipVision(config.vision(), config.projection(), weights);
        weights.get("text_projection.weight", config.projection(), config.text().width());
        text = new ClipTextEncoder(config.text(), weights);
        logitScale = weights.get("logit_scale");
    }

    public ClipConfig config() {
        return config;
    }

    public Weights weights() {
        return weights;
    }

    /**
     * @param pixels {@code [B, 3, S, S]}, normalised as the model was trained
     * @return {@code [B, P]} of any length, in the pixels' type: {@link Tensor#normalized()} makes a cosine's. Differentiable
     * @throws IllegalArgumentException when the pixels have another size than the config's
     */
    public Tensor imageEmbeddings(Tensor pixels) {
        return vision.embeddings(pixels);
    }

    /**
     * @param ids token ids {@code [B][length]}, filled up behind the end-of-text with anything
     * @return {@code [B, P]} of any length, in the weights' type
     * @throws IllegalArgumentException when a row has another length than the model's, or an id lies outside the vocabulary
     */
    public Tensor textEmbeddings(long[][] ids) {
        return Scope.of(
                () -> Objects.requireNonNull(text.encode(ids, 0, true, true).pooled()));
    }

    /** The logarithm of what cosines are multiplied by before a softmax, 0-d. */
    public Tensor logitScale() {
        return logitScale.get();
    }

    @Override
    public void close() {
        weights.close();
    }
}
