package dev.prenoise.verifier;

import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;
import java.util.ArrayList;
import java.util.List;

/**
 * A linear classifier on the features of {@link DinoTransformer}. What it reads follows from its width, in widths D of the transformer: one,
 * the class token; two, the class token and the mean of the patches, value by value in turn as DINO's ViT-B has them
 * ({@code validate_network} in its {@code eval_linear.py}) or one after the other as in transformers' Dinov2ForImageClassification; four, the
 * class tokens of the last four blocks, as DINO's ViT-S.
 */
final class DinoClassifier {
    private final DinoTransformer transformer;
    private final Linear head;
    private final int blocks;
    private final boolean patches;
    private final boolean inTurn;
    private final int classes;

    /**
     * @param weights of the head: {@code classifier.}, {@code linear.} or, as DINO published it, {@code module.linear.}
     * @throws VerifierException when it has another width than those above
     */
    DinoClassifier(DinoTransformer transformer, Weights weights) {
        this.transformer = transformer;
        String name = weights.has("classifier.weight")
                ? "classifier"
                : weights.has("linear.weight") ? "linear" : "module.linear";
        List<Long> shape = weights.shape(name + ".weight");
        long width = transformer.width();
        long read = shape.get(shape.size() - 1) / width;
        head = Linear.of(weights.packing(), name, -1, -1);
        if (read * width != shape.get(1) || (read != 1 && read != 2 && read != 4)) {
            throw new VerifierException(name + ".weight: reads " + shape.get(1) + " features (expected: " + width + ", "
                    + 2 * width + " or " + 4 * width + " of a transformer that is " + width + " wide)");
        }
        blocks = read == 4 ? 4 : 1;
        patches = read == 2;
        inTurn = !name.equals("classifier");
        classes = Math.toIntExact(shape.get(0));
    }

    int classes() {
        return classes;
    }

    /** {@code [B, 3, H, W]} to {@code [B, classes]}. */
    Tensor logits(Tensor pixels) {
        List<Tensor> tokens = transformer.tokens(pixels, blocks);
        List<Tensor> features = new ArrayList<>();
        tokens.forEach(each -> features.add(DinoTransformer.classToken(each)));
        if (!patches) {
            return head.forward(Tensor.cat(1, features));
        }
        Tensor first = features.get(0);
        Tensor mean = DinoTransformer.meanPatch(tokens.get(0));
        long batch = first.size(0);
        long width = first.size(1);
        return head.forward(
                inTurn
                        ? Tensor.cat(2, first.reshape(batch, width, 1), mean.reshape(batch, width, 1))
                                .reshape(batch, 2 * width)
                        : Tensor.cat(1, first, mean));
    }
}
