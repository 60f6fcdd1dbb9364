package dev.prenoise.tensor;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Stored tensors under the names that a network asks for.
 *
 * @param roots of the layout's names: a tensor that begins with one belongs to the network
 * @param unread roots of what belongs to it all the same and no use is made of
 */
public record RenamedWeights(
        StoredTensors tensors, Function<String, Place> places, List<String> roots, List<String> unread)
        implements WeightSource {
    /**
     * Where a weight stands.
     *
     * @param name of the layout
     * @param part of {@code parts} that the tensor holds one below the other
     * @param transposed whether a matrix is stored the other way round
     */
    public record Place(String name, int part, int parts, boolean transposed) {
        public static Place of(String name) {
            return new Place(name, 0, 1, false);
        }

        /** The same below a module. */
        public Place under(String module) {
            return new Place(module + "." + name, part, parts, transposed);
        }
    }

    /** With names that differ and nothing else. */
    public static RenamedWeights of(StoredTensors tensors, Function<String, String> names, List<String> roots) {
        return new RenamedWeights(tensors, name -> Place.of(names.apply(name)), roots, List.of());
    }

    /**
     * Lets a network ask for its weights, and sees to it that it asks for every tensor that belongs to it: one that is left over means that the
     * network is not what it was taken for.
     *
     * @param build makes the network, which checks names and shapes and loads nothing
     * @throws SafetensorsException when a tensor is missing, has another shape or is left over; names it
     */
    public void require(Consumer<WeightSource> build) {
        Set<String> asked = new HashSet<>();
        build.accept(new Listening(this, asked));
        List<String> keys = roots.stream().map(tensors.key()).toList();
        List<String> exempt = unread.stream().map(tensors.key()).toList();
        for (SafetensorsFile file : tensors.files()) {
            for (String name : file.names()) {
                if (!asked.contains(name)
                        && keys.stream().anyMatch(name::startsWith)
                        && exempt.stream().noneMatch(name::startsWith)) {
                    throw file.wrong(
                            name,
                            "has no place in the network that the other tensors make (expected: no tensor that it does not read)");
                }
            }
        }
    }

    /** Notes which stored tensors are asked for. */
    private record Listening(RenamedWeights weights, Set<String> asked) implements WeightSource {
        @Override
        public boolean has(String name) {
            return weights.has(name);
        }

        @Override
        public List<Long> shape(String name) {
            asked.add(weights.tensors.key().apply(weights.places.apply(name).name()));
            return weights.shape(name);
        }

        @Override
        public Tensor load(String name, Compute compute, DType type) {
            return weights.load(name, compute, type);
        }

        @Override
        public SafetensorsException wrong(String name, String problem) {
            return weights.wrong(name, problem);
        }
    }

    @Override
    public List<Path> paths() {
        return tensors.files().stream().map(SafetensorsFile::path).toList();
    }

    @Override
    public boolean has(String name) {
        return tensors.has(places.apply(name).name());
    }

    @Override
    public List<Long> shape(String name) {
        Place place = places.apply(name);
        SafetensorsType type = tensors.fileOf(place.name())
                .entry(tensors.key().apply(place.name()))
                .type();
        if (!type.isFloating()) {
            // loading says so too, but that is when a search runs
            throw tensors.wrong(place.name(), type + " (expected: f16, bf16, f32 or f64)");
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
