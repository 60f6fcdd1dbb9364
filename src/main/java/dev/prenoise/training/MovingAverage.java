package dev.prenoise.training;

import dev.prenoise.tensor.Parameters;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;

/** The exponential moving average of parameters over steps, which judges better than the last step's. Called with gradients off. */
final class MovingAverage implements AutoCloseable {
    private final Parameters parameters;
    private final double decay;
    private final SortedMap<String, Tensor> averages = new TreeMap<>();

    /**
     * @param start those of a checkpoint, or copies of the parameters
     */
    MovingAverage(Parameters parameters, double decay, AdamW.Moments start) {
        this.parameters = parameters;
        this.decay = decay;
        parameters.all().forEach((name, weight) -> averages.put(name, start.read("average." + name, weight)));
    }

    /**
     * @param step from 0; early averages reach back less far, so that they forget the start
     */
    void step(int step) {
        double now = Math.min(decay, (1.0 + step) / (10 + step));
        averages.replaceAll((name, before) -> {
            Weight weight = Objects.requireNonNull(parameters.all().get(name), name);
            try (Scope scope = new Scope()) {
                Tensor after = before.mul(now).add(weight.get().detach().mul(1 - now));
                // A number alone would become as wide as the factor.
                Tensor kept = Scope.release(after.like(before));
                before.close();
                return kept;
            }
        });
    }

    SortedMap<String, Tensor> values() {
        return Collections.unmodifiableSortedMap(averages);
    }

    void collect(Map<String, Tensor> state) {
        averages.forEach((name, tensor) -> state.put("average." + name, tensor));
    }

    @Override
    public void close() {
        averages.values().forEach(Tensor::close);
    }
}
