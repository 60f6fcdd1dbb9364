package dev.prenoise.training;

import dev.prenoise.tensor.Parameters;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * AdamW (Loshchilov and Hutter 2019) with PyTorch's formula: betas 0.9 and 0.98, as CLIP's authors had them for their transformers. Matrices
 * decay, vectors and scalars do not. Called with gradients off.
 */
final class AdamW implements AutoCloseable {
    private static final double BETA1 = 0.9;
    private static final double BETA2 = 0.98;
    private static final double EPSILON = 1e-8;

    private final Parameters parameters;
    private final double weightDecay;
    private final List<Slot> slots = new ArrayList<>();

    private record Slot(String name, Weight weight, Tensor first, Tensor second) {}

    /**
     * @param moments those of a checkpoint, or zeros
     */
    AdamW(Parameters parameters, double weightDecay, Moments moments) {
        this.parameters = parameters;
        this.weightDecay = weightDecay;
        parameters
                .all()
                .forEach((name, weight) -> slots.add(new Slot(
                        name, weight, moments.read("first." + name, weight), moments.read("second." + name, weight))));
    }

    /** Where the moments start. */
    @FunctionalInterface
    interface Moments {
        /** A tensor of the weight's shape that belongs to no scope. */
        Tensor read(String name, Weight weight);

        /** Those of a run that begins. */
        static Tensor zeros(String name, Weight weight) {
            try (Scope scope = new Scope()) {
                return Scope.release(weight.get().detach().mul(0));
            }
        }
    }

    /**
     * @param gradients of every parameter
     * @param step from 0
     */
    void step(Map<String, Tensor> gradients, double rate, int step) {
        try (Scope scope = new Scope()) {
            Tensor decaying = settings(rate, weightDecay, step);
            Tensor plain = settings(rate, 0, step);
            for (Slot slot : slots) {
                Tensor values = slot.weight().get();
                values.adamw(
                        Objects.requireNonNull(gradients.get(slot.name()), slot.name()),
                        slot.first(),
                        slot.second(),
                        values.shape().length > 1 ? decaying : plain);
            }
        }
    }

    private Tensor settings(double rate, double decay, int step) {
        return Tensor.of(
                parameters.weights().compute(), new double[] {rate, BETA1, BETA2, EPSILON, decay, step + 1}, 6);
    }

    /** For a checkpoint. */
    void collect(Map<String, Tensor> state) {
        for (Slot slot : slots) {
            state.put("first." + slot.name(), slot.first());
            state.put("second." + slot.name(), slot.second());
        }
    }

    @Override
    public void close() {
        for (Slot slot : slots) {
            slot.first().close();
            slot.second().close();
        }
    }
}
