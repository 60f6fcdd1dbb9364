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
 * a short batch is filled up with copies of its last noise, and a score does not depend on how a search cut its batches. (Where the device
 * runs out of memory the size is halved, and the last bits of later scores may differ from those of earlier ones.) With gradients the size
 * is 1.
 */
final class AttentionEvaluator implements Evaluator {
    private final FirstStep firstStep;
    private final AttentionLoss score;
    private final AttentionLoss optimized;
    private final List<TokenGroup> subjects;
    private final Batches batches;

    /** At a batch size that is sure to fit. */
    AttentionEvaluator(
            FirstStep firstStep, AttentionLoss score, AttentionLoss optimized, List<TokenGroup> subjects, int batch) {
        this(firstStep, score, optimized, subjects, Batches.of(batch));
    }

    /**
     * @param score ranks
     * @param optimized gives the gradient; often the same
     */
    AttentionEvaluator(
            FirstStep firstStep,
            AttentionLoss score,
            AttentionLoss optimized,
            List<TokenGroup> subjects,
            Batches batches) {
        this.firstStep = firstStep;
        this.score = score;
        this.optimized = optimized;
        this.subjects = subjects;
        this.batches = batches;
    }

    @Override
    public int maxBatch() {
        return batches.size();
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
        return batches.each(noises, this::evaluate);
    }

    private List<Evaluation> evaluate(List<Noise> noises, int batch) {
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

    /** One by one: optimisers ask for one, and the graph of each is freed before the next. */
    @Override
    public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
        return noises.stream()
                .map(noise -> batches.withGradient(() -> evaluateWithGradient(noise)))
                .toList();
    }

    private Evaluation evaluateWithGradient(Noise noise) {
        boolean self = score.readsSelfAttention() || optimized.readsSelfAttention();
        try (GradMode on = GradMode.on();
                Scope scope = new Scope()) {
            Tensor leaf = Noises.stack(firstStep.compute(), List.of(noise)).requireGradient();
            LossValue slope;
            LossValue value;
            try (FirstStep.Maps maps = firstStep.maps(leaf, self)) {
                AttentionMaps arrays = maps.toArrays(1).get(0);
                slope = optimized.evaluate(arrays, subjects, true);
                value = score.equals(optimized) ? slope : score.evaluate(arrays, subjects, false);
                maps.weightedSum(slope).backward();
            }
            Map<String, Double> terms = new HashMap<>(slope.terms());
            terms.putAll(value.terms());
            return new Evaluation(
                    value.loss(), terms, Noise.of(noise.shape(), leaf.gradient().toFloats()));
        }
    }
}
