package dev.prenoise.backbone.checkpoint;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.SafetensorsException;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.WeightSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;

/** Stored tensors under the names that a network asks for. */
record RenamedWeights(StoredTensors tensors, Function<String, Place> places) implements WeightSource {
    /**
     * Where a weight stands.
     *
     * @param name of the layout
     * @param part of {@code parts} that the tensor holds one below the other
     * @param transposed whether a matrix is stored the other way round
     */
    record Place(String name, int part, int parts, boolean transposed) {
        static Place of(String name) {
            return new Place(name, 0, 1, false);
        }
    }

    /** With names that differ and nothing else. */
    static RenamedWeights of(StoredTensors tensors, Function<String, String> names) {
        return new RenamedWeights(tensors, name -> Place.of(names.apply(name)));
    }

    @Override
    public boolean has(String name) {
        return tensors.has(places.apply(name).name());
    }

    @Override
    public List<Long> shape(String name) {
        Place place = places.apply(name);
        if (!tensors.fileOf(place.name())
                .entry(tensors.key().apply(place.name()))
                .type()
                .isFloating()) {
            // loading says so too, but that is when a search runs
            throw tensors.wrong(place.name(), "no floating-point numbers (expected: f16, bf16, f32 or f64)");
        }
        List<Long> shape = new ArrayList<>(tensors.shape(place.name()));
        if (place.transposed()) {
            Collections.reverse(shape);
        }
        if (place.parts() > 1) {
            if (shape.isEmpty() || shape.get(0) % place.parts() != 0) {
                throw tensors.wrong(
                        place.name(),
                        "shape " + shape + " (expected: first dimension a multiple of " + place.parts() + ")");
            }
            shape.set(0, shape.get(0) / place.parts());
        }
        return List.copyOf(shape);
    }

    @Override
    public Tensor load(String name, Compute compute, DType type) {
        Place place = places.apply(name);
        Tensor stored = tensors.fileOf(place.name())
                .load(tensors.key().apply(place.name()), place.part(), place.parts(), compute, type);
        if (!place.transposed()) {
            return stored;
        }
        try (Scope scope = new Scope()) {
            // a copy: a view must not outlive the tensor that holds the mapped file
            return Scope.release(stored.transpose(0, 1).mul(1));
        } finally {
            stored.close();
        }
    }

    @Override
    public SafetensorsException wrong(String name, String problem) {
        return tensors.wrong(places.apply(name).name(), problem);
    }
}
