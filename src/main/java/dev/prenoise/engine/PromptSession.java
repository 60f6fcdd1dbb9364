package dev.prenoise.engine;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.image.Picture;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.PathEvaluator;
import java.util.List;

/** One prompt at one size on one model: what a search holds while it runs. Not thread-safe. Closing frees the embeddings. */
public interface PromptSession extends AutoCloseable {
    /** Resolved: every token index filled in. Empty where the prompt names none. */
    List<SubjectSpec> subjects();

    /**
     * For those who will read attention.
     *
     * @throws InvalidFieldException when the prompt has no subjects; says why
     */
    default void requireSubjects() {}

    /** What was accepted but not used whole: words cut off, LoRA keys that match nothing. Sentences for the user. */
    default List<String> warnings() {
        return List.of();
    }

    /** How its pictures are drawn, with nothing left to the model. */
    default SamplingSpec sampling() {
        throw new ModelException("this model draws no pictures");
    }

    /** {@code [1, C, H, W]}. */
    long[] noiseShape();

    /**
     * Scores noise by a loss on the model's own attention maps at the host's first step. Valid until the session closes.
     *
     * @throws InvalidFieldException as {@link #requireSubjects}
     */
    default Evaluator attention(AttentionLoss loss) {
        return attention(loss, loss);
    }

    /**
     * As {@link #attention(AttentionLoss)}, with gradients of another loss than the one that ranks: InitNO follows its joint loss and ranks
     * without the gate.
     */
    Evaluator attention(AttentionLoss score, AttentionLoss optimized);

    /**
     * Scores noise by several losses at once. Valid until the session closes.
     *
     * @param self whether maps of self-attention are built. Where they are, scores of losses that do not read them differ in the last bits from
     *     those of {@link #attention(AttentionLoss)}; all others are the same
     * @throws IllegalArgumentException when a loss reads self-attention that is not built
     * @throws InvalidFieldException as {@link #requireSubjects}
     */
    default AttentionPass attentionPass(List<AttentionLoss> losses, boolean self) {
        throw new ModelException("this model has no attention of its own");
    }

    /** The attention maps of one noise at the first step, for heat maps. */
    AttentionMaps maps(Noise noise);

    /** Denoises and decodes. One picture for each noise, in order; a picture depends on its noise and seed alone. */
    List<Picture> draw(List<SeededNoise> noises);

    /**
     * For those who will want pictures later.
     *
     * @throws InvalidFieldException when this prompt cannot be drawn: it came with its own conditioning and without a negative one
     */
    default void requirePictures() {}

    /**
     * Scores noise by what verifiers say of its picture: draws, decodes, has it judged. NFEs count a guided call once. Valid until the session
     * or a judge closes.
     *
     * @throws InvalidFieldException as {@link #requirePictures}, or when the steps cannot be used
     */
    default PathEvaluator pictures(Panel panel, PictureOptions options) {
        throw new ModelException("this model draws no pictures");
    }

    /** Function evaluations that drawing it now takes, a guided call counted once: none where it was judged just now. */
    int callsToDraw(SeededNoise noise);

    @Override
    void close();
}
