package dev.prenoise.tensor;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The weights of a network that is being trained: leaves of the graph in float32, in memory of their own, which an optimiser writes to in
 * place. Networks read them through {@link #weights()} like those of a file. One thread at a time.
 */
public final class Parameters implements AutoCloseable {
    private final Weights weights;
    private final SortedMap<String, Weight> all = new TreeMap<>();

    /** Where training starts. */
    @FunctionalInterface
    public interface Start {
        /**
         * @return the values of the tensor, row-major, as many as the shape has
         */
        float[] values(String name, List<Long> shape);
    }

    /**
     * @param shapes of every tensor that the network has, under its full name
     */
    public Parameters(Compute compute, Map<String, List<Long>> shapes, Start start) {
        // asked for here first, before any packing view: what an optimiser writes to must not be kept in another layout
        // as well
        weights = Weights.of(new Leaves(new LinkedHashMap<>(shapes), start), compute, DType.FLOAT32);
        shapes.forEach((name, shape) -> all.put(
                name,
                weights.get(name, shape.stream().mapToLong(Long::longValue).toArray())));
    }

    /** What networks are built on. Not to be unloaded: what was learnt would be lost. */
    public Weights weights() {
        return weights;
    }

    /** Every tensor by its name, sorted. */
    public SortedMap<String, Weight> all() {
        return Collections.unmodifiableSortedMap(all);
    }

    @Override
    public void close() {
        weights.close();
    }

    private record Leaves(Map<String, List<Long>> shapes, Start start) implements WeightSource {
        @Override
        public boolean has(String name) {
            return shapes.containsKey(name);
        }

        @Override
        public List<Long> shape(String name) {
            List<Long> shape = shapes.get(name);
            if (shape == null) {
                throw wrong(name, "missing");
            }
            return shape;
        }

        @Override
        public Tensor load(String name, Compute compute, DType type) {
            long[] shape = shape(name).stream().mapToLong(Long::longValue).toArray();
            try (Scope scope = new Scope()) {
                // A copy: a leaf over the array's own buffer would outlive it.
                return Scope.release(Tensor.of(compute, start.values(name, shape(name)), shape)
                        .copy()
                        .requireGradient());
            }
        }

        @Override
        public SafetensorsException wrong(String name, String problem) {
            return new SafetensorsException(Path.of("parameters"), name + ": " + problem);
        }
    }
}
