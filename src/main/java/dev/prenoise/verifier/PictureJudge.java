package dev.prenoise.verifier;

import dev.prenoise.image.Picture;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.List;
import java.util.function.UnaryOperator;

/** Scores finished pictures by one number of what a network sees in them. */
final class PictureJudge implements Judge {
    private final String verifier;
    private final PictureNetwork network;
    private final UnaryOperator<Tensor> head;
    private final boolean differentiable;
    private int unjudged;

    /**
     * @param verifier its name, for warnings
     * @param head what the network sees, {@code [B, ..]}, to {@code [B]}
     */
    PictureJudge(String verifier, PictureNetwork network, UnaryOperator<Tensor> head, boolean differentiable) {
        this.verifier = verifier;
        this.network = network;
        this.head = head;
        this.differentiable = differentiable;
    }

    /** Of a network that is differentiable. */
    PictureJudge(String verifier, PictureNetwork network, UnaryOperator<Tensor> head) {
        this(verifier, network, head, true);
    }

    /** The head is asked picture by picture: among others a score's last bits would be others. */
    @Override
    public double[] score(List<Shot> shots) {
        double[] scores = new double[shots.size()];
        List<Picture> pictures = shots.stream().map(Shot::picture).toList();
        network.each(pictures, (index, seen) -> {
            double score = head.apply(seen).toDoubles()[0];
            unjudged += Double.isFinite(score) ? 0 : 1;
            scores[index] = Double.isFinite(score) ? score : Double.NaN;
        });
        return scores;
    }

    @Override
    public boolean differentiable() {
        return differentiable;
    }

    @Override
    public Tensor scoreTensor(Tensor images) {
        if (!differentiable) {
            throw new IllegalStateException("scoreTensor: of a judge that is not differentiable");
        }
        return Scope.of(() -> head.apply(network.ofTensor(images)).like(images));
    }

    @Override
    public List<String> warnings() {
        return unjudged == 0
                ? List.of()
                : List.of(verifier + ": " + unjudged
                        + " pictures were not judged: the network gave no finite number for them");
    }
}
