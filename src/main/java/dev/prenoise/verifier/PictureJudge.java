package dev.prenoise.verifier;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.List;
import java.util.function.UnaryOperator;

/** Scores finished pictures by one number of a network. */
final class PictureJudge implements Judge {
    private final String verifier;
    private final Compute compute;
    private final Preprocessing preprocessing;
    private final UnaryOperator<Tensor> network;
    private final boolean differentiable;
    private int unjudged;

    /**
     * @param verifier its name, for warnings
     * @param network pixels as the preprocessing makes them, {@code [B, 3, h, w]}, to {@code [B]}
     */
    PictureJudge(
            String verifier,
            Compute compute,
            Preprocessing preprocessing,
            UnaryOperator<Tensor> network,
            boolean differentiable) {
        this.verifier = verifier;
        this.compute = compute;
        this.preprocessing = preprocessing;
        this.network = network;
        this.differentiable = differentiable;
    }

    /** Of a network that is differentiable. */
    PictureJudge(String verifier, Compute compute, Preprocessing preprocessing, UnaryOperator<Tensor> network) {
        this(verifier, compute, preprocessing, network, true);
    }

    @Override
    public double[] score(List<Shot> shots) {
        return shots.stream().mapToDouble(this::score).toArray();
    }

    /** Alone: beside others the last bits would be others, and on a CPU several at once take as long as one after the other. */
    private double score(Shot shot) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            double score = network.apply(preprocessing.of(compute, List.of(shot.picture())))
                    .toDoubles()[0];
            if (Double.isFinite(score)) {
                return score;
            }
            unjudged++;
            return Double.NaN;
        }
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
        return Scope.of(() -> network.apply(preprocessing.ofTensor(images)).like(images));
    }

    @Override
    public List<String> warnings() {
        return unjudged == 0
                ? List.of()
                : List.of(verifier + ": " + unjudged
                        + " pictures were not judged: the network gave no finite number for them");
    }
}
