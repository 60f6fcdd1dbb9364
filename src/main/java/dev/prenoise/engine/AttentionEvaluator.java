package dev.prenoise.engine;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.attention.LossValue;
import dev.prenoise.attention.TokenGroup;
import dev.prenoise.noise.Noise;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.Spend;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Scores noise by a loss on the backbone's own attention maps at the host's first step: the conditional branch alone, as far as the last
 * map, and no further. One denoiser call for each batch, one loss evaluation for each noise.
 *
 * <p>Kernels add in another order for another batch size, which shows in the last bits of a score. So every call runs at the same size:
 * a short batch is filled up with copies of its last noise, and a score does not depend on how a search cut its batches.
 */
final class AttentionEvaluator implements Evaluator {
    private final FirstStep firstStep;
    private final AttentionLoss score;
    private final AttentionLoss optimized;
    private final List<TokenGroup> subjects;
    private final int batch;

    /**
     * @param score ranks
     * @param optimized gives the gradient; often the same
     */
    AttentionEvaluator(
            FirstStep firstStep, AttentionLoss score, AttentionLoss optimized, List<TokenGroup> subjects, int batch) {
        this.firstStep = firstStep;
        this.score = score;
        this.optimized = optimized;
        this.subjects = subjects;
        this.batch = batch;
    }

    @Override
    public int maxBatch() {
        return batch;
    }

    @Override
    public boolean lowerIsBetter() {
        return true;
    }

    @Override
    public boolean differentiable() {
        return true;
    }

    @Override
    public Spend cost() {
        return new Spend(1, 1, 1, 1);
    }

    @Override
    public List<Evaluation> evaluate(List<Noise> noises) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                FirstStep.Maps maps = firstStep.maps(
                        Noises.stack(firstStep.compute(), Noises.filled(noises, batch)), score.readsSelfAttention())) {
            List<Evaluation> evaluations = new ArrayList<>();
            for (AttentionMaps one : maps.toArrays(noises.size())) {
                LossValue value = score.evaluate(one, subjects, false);
                evaluations.add(new Evaluation(value.loss(), value.terms(), null));
            }
            return evaluations;
        }
    }

    @Override
    public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
        boolean self = score.readsSelfAttention() || optimized.readsSelfAttention();
        try (GradMode on = GradMode.on();
                Scope scope = new Scope()) {
            Tensor leaf = Noises.stack(firstStep.compute(), Noises.filled(noises, batch))
                    .requireGradient();
            List<LossValue> scores = new ArrayList<>();
            List<LossValue> slopes = new ArrayList<>();
            try (FirstStep.Maps maps = firstStep.maps(leaf, self)) {
                for (AttentionMaps one : maps.toArrays(noises.size())) {
                    boolean same = score.equals(optimized);
                    LossValue slope = optimized.evaluate(one, subjects, true);
                    slopes.add(slope);
                    scores.add(same ? slope : score.evaluate(one, subjects, false));
                }
                maps.weightedSum(slopes).backward();
            }
            float[] gradient = leaf.gradient().toFloats();
            List<Evaluation> evaluations = new ArrayList<>();
            for (int i = 0; i < noises.size(); i++) {
                Map<String, Double> terms = new HashMap<>(slopes.get(i).terms());
                terms.putAll(scores.get(i).terms());
                evaluations.add(new Evaluation(
                        scores.get(i).loss(),
                        terms,
                        Noises.row(gradient, i, noises.get(i).shape())));
            }
            return evaluations;
        }
    }
}
