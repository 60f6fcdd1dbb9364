package dev.prenoise.engine;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.attention.LossValue;
import dev.prenoise.attention.TokenGroup;
import dev.prenoise.noise.Noise;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.Spend;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

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
    /** Of maps' gradients in float16, whose largest number is 65504 and whose smallest is 6e-8. */
    private static final double LARGEST_SLOPE = 64;

    private static final double SMALLEST_SLOPE = 1e-4;

    private final FirstStep firstStep;
    private final AttentionLoss score;
    private final AttentionLoss optimized;
    private final List<TokenGroup> subjects;
    private final Batches batches;
    private final AttentionPass alone;

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
        this.alone = new AttentionPass(firstStep, List.of(score), score.readsSelfAttention(), subjects, batches);
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
        return alone.scores(noises).values().get(0).stream()
                .map(value -> new Evaluation(value.loss(), value.terms(), null))
                .toList();
    }

    /** One by one: optimisers ask for one, and the graph of each is freed before the next. */
    @Override
    public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
        return noises.stream()
                .map(noise -> batches.withGradient(() -> evaluateWithGradient(noise)))
                .toList();
    }

    /**
     * In float16 a map's gradient is too small to survive the way back, so it is made larger on the way and smaller at the end; where that was
     * too much, by less the next time.
     */
    private Evaluation evaluateWithGradient(Noise noise) {
        boolean half = firstStep.conditioning().context().dtype() == DType.FLOAT16;
        double largest = half ? LARGEST_SLOPE : 0;
        while (true) {
            Evaluation evaluation = evaluateWithGradient(noise, largest);
            if (!half || isFinite(evaluation)) {
                return evaluation;
            }
            largest /= 256;
            if (largest < SMALLEST_SLOPE) {
                throw AttentionPass.notFinite("the loss's gradient");
            }
        }
    }

    /**
     * @param largest that the maps' gradient is scaled to; 0 = as it is
     */
    private Evaluation evaluateWithGradient(Noise noise, double largest) {
        boolean self = score.readsSelfAttention() || optimized.readsSelfAttention();
        try (GradMode on = GradMode.on();
                Scope scope = new Scope()) {
            Tensor leaf = Noises.stack(firstStep.compute(), List.of(noise)).requireGradient();
            LossValue slope;
            LossValue value;
            double scale;
            try (FirstStep.Maps maps = firstStep.maps(leaf, self)) {
                AttentionMaps arrays = maps.toArrays(1).get(0);
                slope = AttentionPass.finite(optimized, optimized.evaluate(arrays, subjects, true));
                value = score.equals(optimized)
                        ? slope
                        : AttentionPass.finite(score, score.evaluate(arrays, subjects, false));
                scale = largest == 0 ? 1 : scale(slope, largest);
                Tensor sum = maps.weightedSum(slope);
                (scale == 1 ? sum : sum.mul(scale)).backward();
            }
            Map<String, Double> terms = new HashMap<>(slope.terms());
            terms.putAll(value.terms());
            float[] gradient = leaf.gradient().toFloats();
            for (int i = 0; i < gradient.length && scale != 1; i++) {
                gradient[i] /= (float) scale;
            }
            return new Evaluation(value.loss(), terms, Noise.of(noise.shape(), gradient));
        }
    }

    /** A power of two, which costs no bits. */
    private static double scale(LossValue slope, double largest) {
        AttentionMaps gradient = slope.gradient();
        double most = 0;
        if (gradient != null) {
            most = Math.max(largestOf(gradient.cross()), largestOf(gradient.self()));
        }
        return most == 0 ? 1 : Math.scalb(1.0, Math.getExponent(largest / most));
    }

    private static double largestOf(double @Nullable [] values) {
        return values == null ? 0 : Arrays.stream(values).map(Math::abs).max().orElse(0);
    }

    private static boolean isFinite(Evaluation evaluation) {
        Noise gradient = evaluation.gradient();
        if (gradient != null) {
            for (float value : gradient.data()) {
                if (!Float.isFinite(value)) {
                    return false;
                }
            }
        }
        return true;
    }
}
