package dev.prenoise.engine;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.attention.LossValue;
import dev.prenoise.attention.TokenGroup;
import dev.prenoise.noise.Noise;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import java.util.ArrayList;
import java.util.List;

/**
 * Scores noises by several losses on the attention maps of one and the same pass: the network costs a hundred times what a loss on its maps
 * does. A score has the bits that it has alone where the pass builds the maps that the loss reads and no others: where self-attention's are
 * built, the layers behind them come out different in the last bits.
 */
public final class AttentionPass {
    private final FirstStep firstStep;
    private final List<AttentionLoss> losses;
    private final boolean self;
    private final List<TokenGroup> subjects;
    private final Batches batches;

    /**
     * What it came to.
     *
     * @param values {@code [losses][noises]}
     * @param seconds that the network took
     * @param lossSeconds that each loss took on the maps
     * @param batch how many noises shared a pass, at least
     */
    public record Scores(List<List<LossValue>> values, double seconds, List<Double> lossSeconds, int batch) {
        public Scores {
            values = values.stream().map(List::copyOf).toList();
            lossSeconds = List.copyOf(lossSeconds);
        }
    }

    /**
     * @param self whether the maps of self-attention are built
     * @throws IllegalArgumentException when a loss reads self-attention that is not built
     */
    AttentionPass(
            FirstStep firstStep, List<AttentionLoss> losses, boolean self, List<TokenGroup> subjects, Batches batches) {
        this.firstStep = firstStep;
        this.losses = List.copyOf(losses);
        this.self = self;
        this.subjects = subjects;
        this.batches = batches;
        if (!self && losses.stream().anyMatch(AttentionLoss::readsSelfAttention)) {
            throw new IllegalArgumentException(
                    "self: false beside " + losses + " (expected: true, as one of them reads self-attention)");
        }
    }

    /**
     * @throws ModelException when a loss is no finite number
     */
    public Scores scores(List<Noise> noises) {
        long begin = System.nanoTime();
        long[] took = new long[losses.size()];
        List<List<LossValue>> byNoise = batches.each(noises, (part, size) -> scored(part, size, took));
        List<List<LossValue>> values = new ArrayList<>();
        List<Double> lossSeconds = new ArrayList<>();
        double seconds = (System.nanoTime() - begin) / 1e9;
        for (int i = 0; i < took.length; i++) {
            int loss = i;
            values.add(byNoise.stream().map(each -> each.get(loss)).toList());
            lossSeconds.add(took[i] / 1e9);
            seconds -= took[i] / 1e9;
        }
        return new Scores(values, seconds, lossSeconds, batches.size());
    }

    /**
     * @param took nanoseconds of each loss, added to
     * @return by noise
     */
    private List<List<LossValue>> scored(List<Noise> noises, int batch, long[] took) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                FirstStep.Maps maps =
                        firstStep.maps(Noises.stack(firstStep.compute(), Noises.filled(noises, batch)), self)) {
            List<List<LossValue>> values = new ArrayList<>();
            for (AttentionMaps one : maps.toArrays(noises.size())) {
                List<LossValue> ofNoise = new ArrayList<>();
                for (int i = 0; i < took.length; i++) {
                    long begin = System.nanoTime();
                    AttentionLoss loss = losses.get(i);
                    ofNoise.add(finite(loss, loss.evaluate(one, subjects, false)));
                    took[i] += System.nanoTime() - begin;
                }
                values.add(ofNoise);
            }
            return values;
        }
    }

    static LossValue finite(AttentionLoss loss, LossValue value) {
        if (!Double.isFinite(value.loss())) {
            throw notFinite("the loss " + loss.name());
        }
        return value;
    }

    static ModelException notFinite(String what) {
        return new ModelException(
                what + " is not a finite number (expected: one; where a model overflows float16, --dtype fp32 helps)");
    }
}
