package dev.prenoise.verifier;

import dev.prenoise.image.Picture;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Scores finished pictures by one number of a network.
 *
 * @param network pixels as the preprocessing makes them, {@code [B, 3, h, w]}, to {@code [B]}; differentiable
 */
record PictureJudge(Compute compute, Preprocessing preprocessing, UnaryOperator<Tensor> network) implements Judge {
    @Override
    public double[] score(List<Shot> shots) {
        double[] scores = new double[shots.size()];
        for (int from = 0; from < scores.length; from += Features.BATCH) {
            List<Picture> pictures = shots.subList(from, Math.min(from + Features.BATCH, scores.length)).stream()
                    .map(Shot::picture)
                    .toList();
            try (GradMode off = GradMode.off();
                    Scope scope = new Scope()) {
                double[] part =
                        network.apply(preprocessing.of(compute, pictures)).toDoubles();
                System.arraycopy(part, 0, scores, from, part.length);
            }
        }
        return scores;
    }

    @Override
    public boolean differentiable() {
        return true;
    }

    @Override
    public Tensor scoreTensor(Tensor images) {
        return Scope.of(() -> network.apply(preprocessing.ofTensor(images)).like(images));
    }
}
