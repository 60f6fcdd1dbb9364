package dev.prenoise.training;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.Tensor;
import java.util.Arrays;

/**
 * CLIP's loss (Radford et al. 2021) with captions of each picture's own that are nearly right (Yuksekgonul et al. 2023, NegCLIP): a picture has
 * to find its caption among all of the batch and its own wrong ones, a caption its picture. Captions that are true of another picture, too, are
 * left out there.
 */
final class ContrastiveLoss {
    /** Added to the logits of what is left out. */
    private static final float LEFT_OUT = -1e4f;

    private final Tensor leftOut;
    private final Tensor rightAmongAll;
    private final Tensor right;

    /**
     * @param alsoTrue {@code [i][j]}: whether caption j is true of picture i; the diagonal is not looked at
     * @param wrong captions of each picture's own
     */
    ContrastiveLoss(Compute compute, boolean[][] alsoTrue, int wrong) {
        int batch = alsoTrue.length;
        float[] out = new float[batch * batch];
        float[] eye = new float[batch * batch];
        float[] wide = new float[batch * (batch + wrong)];
        for (int i = 0; i < batch; i++) {
            for (int j = 0; j < batch; j++) {
                out[i * batch + j] = i != j && alsoTrue[i][j] ? LEFT_OUT : 0;
            }
            eye[i * batch + i] = 1;
            wide[i * (batch + wrong) + i] = 1;
        }
        leftOut = Tensor.of(compute, out, batch, batch);
        right = Tensor.of(compute, eye, batch, batch);
        rightAmongAll = Tensor.of(compute, wide, batch, batch + wrong);
    }

    /**
     * @param images {@code [B, P]} of length 1
     * @param captions {@code [B, P]} of length 1, each picture's own
     * @param wrong {@code [B, K, P]} of length 1, each picture's own
     * @param scale what cosines are multiplied by, 0-d
     * @return 0-d
     */
    Tensor of(Tensor images, Tensor captions, Tensor wrong, Tensor scale) {
        long batch = images.size(0);
        Tensor logits = images.matmul(captions.transpose(0, 1)).mul(scale).add(leftOut);
        Tensor own = images.reshape(batch, 1, images.size(1)).mul(wrong).sum(-1).mul(scale);
        Tensor captionOfImage =
                Tensor.cat(1, logits, own).logSoftmax().mul(rightAmongAll).sum();
        Tensor imageOfCaption = logits.transpose(0, 1).logSoftmax().mul(right).sum();
        return captionOfImage.add(imageOfCaption).mul(-0.5 / batch);
    }

    /** Nothing is true of another picture. */
    static boolean[][] distinct(int batch) {
        boolean[][] none = new boolean[batch][batch];
        Arrays.setAll(none, i -> new boolean[batch]);
        return none;
    }
}
