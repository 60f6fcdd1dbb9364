package dev.prenoise.verifier;

import dev.prenoise.tensor.Tensor;
import java.util.function.UnaryOperator;

/** What a picture's embedding is worth beside a text's. Each takes embeddings of length 1, {@code [B, P]} in float32, to {@code [B]}. */
final class ClipScores {
    /** Of Hessel et al., arXiv 2104.08718, who brought cosines, which seldom leave 0 to 0.4, to 0 to 1. */
    private static final double HESSEL = 2.5;

    private ClipScores() {}

    /**
     * @param text embedding of length 1
     */
    static UnaryOperator<Tensor> cosine(float[] text) {
        return units -> cosines(units, new float[][] {text}).reshape(-1);
    }

    /** CLIPScore: {@code 2.5 * max(cosine, 0)}. */
    static UnaryOperator<Tensor> hessel(float[] text) {
        return units -> cosine(text).apply(units).clamp(0, 1).mul(HESSEL);
    }

    /** The cosine as the network's own softmax sees it. */
    static UnaryOperator<Tensor> logit(float[] text, double scale) {
        return units -> cosine(text).apply(units).mul(scale);
    }

    /**
     * @param others N embeddings of length 1
     * @return {@code [B, N]}
     */
    static Tensor cosines(Tensor units, float[][] others) {
        int width = others[0].length;
        float[] flat = new float[others.length * width];
        for (int row = 0; row < others.length; row++) {
            System.arraycopy(others[row], 0, flat, row * width, width);
        }
        return units.linear(Tensor.of(units.compute(), flat, others.length, width), null);
    }
}
