package dev.prenoise.verifier;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Scores finished pictures by one number of a network.
 *
 * @param network pixels as the preprocessing makes them, {@code [B, 3, h, w]}, to {@code [B]}
 */
record PictureJudge(Compute compute, Preprocessing preprocessing, UnaryOperator<Tensor> network, boolean differentiable)
        implements Judge {
    /** Of a network that is differentiable. */
    PictureJudge(Compute compute, Preprocessing preprocessing, UnaryOperator<Tensor> network) {
        this(compute, preprocessing, network, true);
    }

    @Override
    public double[] score(List<Shot> shots) {
        return shots.stream().mapToDouble(this::score).toArray();
    }

    /** Alone: beside others the last bits would be others, and on a CPU several at once take as long as one after the other. */
    private double score(Shot shot) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            return network.apply(preprocessing.of(compute, List.of(shot.picture())))
                    .toDoubles()[0];
        }
    }

    @Override
    public Tensor scoreTensor(Tensor images) {
        if (!differentiable) {
            throw new IllegalStateException("scoreTensor: of a judge that is not differentiable");
        }
        return Scope.of(() -> network.apply(preprocessing.ofTensor(images)).like(images));
    }
}
