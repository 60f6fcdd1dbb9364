package dev.prenoise.tensor;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The weights of one network: safetensors files, a device and a floating type. Names and shapes are checked when a network asks for a
 * {@link Weight}; values are loaded on first use, so a network that is only run in part loads only that part.
 *
 * <p>Used by one thread at a time.
 */
public final class Weights implements AutoCloseable {
    private final List<SafetensorsFile> files;
    private final Compute compute;
    private final DType type;
    private final String prefix;
    private final Map<String, Weight> weights;
    private final Map<String, Tensor> tensors;
    private final long seed;

    private Weights(
            List<SafetensorsFile> files,
            Compute compute,
            DType type,
            String prefix,
            Map<String, Weight> weights,
            Map<String, Tensor> tensors,
            long seed) {
        this.files = files;
        this.compute = compute;
        this.type = type;
        this.prefix = prefix;
        this.weights = weights;
        this.tensors = tensors;
        this.seed = seed;
    }

    /**
     * @throws SafetensorsException when the file cannot be read
     */
    public static Weights open(Path file, Compute compute, DType type) {
        return of(List.of(SafetensorsFile.open(file)), compute, type);
    }

    public static Weights of(List<SafetensorsFile> files, Compute compute, DType type) {
        return new Weights(
                List.copyOf(files), compute, type, "", new ConcurrentHashMap<>(), new ConcurrentHashMap<>(), 0);
    }

    /**
     * Weights that no file holds: small values drawn from the seed and each tensor's name, of whatever shape a network asks for. For measuring
     * cost, which does not depend on what a network has learnt.
     */
    public static Weights synthetic(Compute compute, DType type, long seed) {
        return new Weights(List.of(), compute, type, "", new ConcurrentHashMap<>(), new ConcurrentHashMap<>(), seed);
    }

    /** The same weights seen from a module: {@code under("a").get("b")} is {@code get("a.b")}. Closing the view closes all. */
    public Weights under(String module) {
        return new Weights(files, compute, type, prefix + module + ".", weights, tensors, seed);
    }

    public boolean has(String name) {
        String full = prefix + name;
        return files.stream().anyMatch(file -> file.contains(full));
    }

    /**
     * @param shape what the network expects; -1 stands for any size
     * @throws SafetensorsException when the tensor is missing or has another shape; names the file and the tensor
     */
    public Weight get(String name, long... shape) {
        String full = prefix + name;
        if (files.isEmpty()) {
            return weights.computeIfAbsent(full, key -> new Weight(this, full, shape.clone()));
        }
        SafetensorsFile file = fileOf(full);
        List<Long> stored = file.entry(full).shape();
        boolean fits = stored.size() == shape.length;
        for (int i = 0; fits && i < shape.length; i++) {
            fits = shape[i] < 0 || shape[i] == stored.get(i);
        }
        if (!fits) {
            throw new SafetensorsException(
                    file.path(),
                    "tensor \"" + full + "\": shape " + stored + " (expected: " + Arrays.toString(shape) + ")");
        }
        return weights.computeIfAbsent(
                full,
                key -> new Weight(
                        this, full, stored.stream().mapToLong(Long::longValue).toArray()));
    }

    /** The stored shape of a tensor. */
    public List<Long> shape(String name) {
        String full = prefix + name;
        return fileOf(full).entry(full).shape();
    }

    public Compute compute() {
        return compute;
    }

    public DType type() {
        return type;
    }

    /** Bytes that loaded values take on the device (on the CPU: of mapped files, which the system may take back). */
    public long loadedBytes() {
        return tensors.values().stream()
                .mapToLong(t -> Arrays.stream(t.shape()).reduce(1, (a, b) -> a * b)
                        * t.dtype().bytes())
                .sum();
    }

    /** Frees the values; they load again when they are next read. */
    public long unload() {
        long bytes = loadedBytes();
        weights.values().forEach(Weight::forget);
        List<Tensor> held = new ArrayList<>(tensors.values());
        tensors.clear();
        held.forEach(Tensor::close);
        return bytes;
    }

    @Override
    public void close() {
        unload();
    }

    Tensor load(Weight weight) {
        return tensors.computeIfAbsent(
                weight.name(),
                name -> files.isEmpty() ? synthesize(weight) : fileOf(name).load(name, compute, type));
    }

    /** Norms' scales are 1 and everything else is uniform with the spread that keeps activations near their size. */
    private Tensor synthesize(Weight weight) {
        long[] shape = weight.shape();
        int size = Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact));
        float[] values = new float[size];
        if (shape.length == 1 && weight.name().endsWith(".weight")) {
            Arrays.fill(values, 1);
        } else {
            float width = shape.length == 1 ? 0.01f : (float) Math.sqrt(3.0 * shape[0] / size);
            long state = seed * 0x9E3779B97F4A7C15L + weight.name().hashCode() | 1;
            for (int i = 0; i < size; i++) {
                state ^= state << 13;
                state ^= state >>> 7;
                state ^= state << 17;
                values[i] = width * ((state >> 40) * 0x1p-23f);
            }
        }
        try (Scope scope = new Scope()) {
            Tensor tensor = Tensor.of(compute, values, shape);
            return Scope.release(type == DType.FLOAT32 ? tensor : tensor.to(type));
        }
    }

    private SafetensorsFile fileOf(String full) {
        return files.stream().filter(file -> file.contains(full)).findFirst().orElseGet(() -> {
            // says which file and tensor
            files.get(0).entry(full);
            return files.get(0);
        });
    }
}
