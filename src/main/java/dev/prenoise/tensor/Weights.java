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

    private Weights(
            List<SafetensorsFile> files,
            Compute compute,
            DType type,
            String prefix,
            Map<String, Weight> weights,
            Map<String, Tensor> tensors) {
        this.files = files;
        this.compute = compute;
        this.type = type;
        this.prefix = prefix;
        this.weights = weights;
        this.tensors = tensors;
    }

    /**
     * @throws SafetensorsException when the file cannot be read
     */
    public static Weights open(Path file, Compute compute, DType type) {
        return of(List.of(SafetensorsFile.open(file)), compute, type);
    }

    public static Weights of(List<SafetensorsFile> files, Compute compute, DType type) {
        return new Weights(List.copyOf(files), compute, type, "", new ConcurrentHashMap<>(), new ConcurrentHashMap<>());
    }

    /** The same weights seen from a module: {@code under("a").get("b")} is {@code get("a.b")}. Closing the view closes all. */
    public Weights under(String module) {
        return new Weights(files, compute, type, prefix + module + ".", weights, tensors);
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
        return tensors.computeIfAbsent(weight.name(), name -> fileOf(name).load(name, compute, type));
    }

    private SafetensorsFile fileOf(String full) {
        return files.stream().filter(file -> file.contains(full)).findFirst().orElseGet(() -> {
            // says which file and tensor
            files.get(0).entry(full);
            return files.get(0);
        });
    }
}
