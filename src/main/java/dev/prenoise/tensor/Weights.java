package dev.prenoise.tensor;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The weights of one network: where they are stored, a device and a floating type. Names and shapes are checked when a network asks for a
 * {@link Weight}; values are loaded on first use, so a network that is only run in part loads only that part.
 *
 * <p>Used by one thread at a time.
 */
public final class Weights implements AutoCloseable {
    private final Store store;
    private final String prefix;
    private final boolean packs;

    private Weights(Store store, String prefix, boolean packs) {
        this.store = store;
        this.prefix = prefix;
        this.packs = packs;
    }

    /**
     * @throws SafetensorsException when the file cannot be read
     */
    public static Weights open(Path file, Compute compute, DType type) {
        return of(List.of(SafetensorsFile.open(file)), compute, type);
    }

    public static Weights of(List<SafetensorsFile> files, Compute compute, DType type) {
        return of(WeightSource.of(files), compute, type);
    }

    public static Weights of(WeightSource source, Compute compute, DType type) {
        return new Weights(new Store(source, compute, type, 0), "", false);
    }

    /**
     * Weights that no file holds: small values drawn from the seed and each tensor's name, of whatever shape a network asks for. For measuring
     * cost, which does not depend on what a network has learnt.
     */
    public static Weights synthetic(Compute compute, DType type, long seed) {
        return new Weights(new Store(null, compute, type, seed), "", false);
    }

    /** The same weights seen from a module: {@code under("a").get("b")} is {@code get("a.b")}. Closing the view closes all. */
    public Weights under(String module) {
        return new Weights(store, prefix + module + ".", packs);
    }

    /**
     * The same weights for a network that is run often on few rows: where the device has a layout of its own for {@link Weight#linear}, those
     * that are first asked for here are kept in it, and in the file's as well only once something else is done with them.
     */
    public Weights packing() {
        return new Weights(store, prefix, true);
    }

    public boolean has(String name) {
        return store.source != null && store.source.has(prefix + name);
    }

    /**
     * @param shape what the network expects; -1 stands for any size
     * @throws SafetensorsException when the tensor is missing or has another shape; names the file and the tensor
     */
    public Weight get(String name, long... shape) {
        String full = prefix + name;
        if (store.source == null) {
            return store.weights.computeIfAbsent(full, key -> new Weight(this, full, shape.clone(), packs));
        }
        List<Long> stored = store.source.shape(full);
        boolean fits = stored.size() == shape.length;
        for (int i = 0; fits && i < shape.length; i++) {
            fits = shape[i] < 0 || shape[i] == stored.get(i);
        }
        if (!fits) {
            throw store.source.wrong(full, "shape " + stored + " (expected: " + Arrays.toString(shape) + ")");
        }
        return store.weights.computeIfAbsent(
                full,
                key -> new Weight(
                        this, full, stored.stream().mapToLong(Long::longValue).toArray(), packs));
    }

    /** The stored shape of a tensor. */
    public List<Long> shape(String name) {
        if (store.source == null) {
            throw new IllegalStateException("shape: of weights that no file holds");
        }
        return store.source.shape(prefix + name);
    }

    /** Full names and shapes of all tensors that networks have asked for. */
    public Map<String, List<Long>> asked() {
        Map<String, List<Long>> shapes = new TreeMap<>();
        store.weights.forEach((name, weight) ->
                shapes.put(name, Arrays.stream(weight.shape()).boxed().toList()));
        return shapes;
    }

    /**
     * Replaces all patches by these, under full names. Values that were patched or are to be load again when they are next read; nothing happens
     * to the others, or when the patches are the ones in force.
     */
    public void patch(Map<String, WeightPatch> patches) {
        if (store.patches.equals(patches)) {
            return;
        }
        Set<String> touched = new HashSet<>(store.patches.keySet());
        touched.addAll(patches.keySet());
        touched.removeIf(name -> store.patches.get(name) == patches.get(name));
        store.patches = Map.copyOf(patches);
        touched.forEach(store::forget);
    }

    /** The files that hold them; none of synthetic ones. */
    public List<Path> paths() {
        return store.source == null ? List.of() : store.source.paths();
    }

    /** Bytes on the device of all that a network has asked for, loaded or not. */
    public long bytes() {
        return asked().values().stream()
                .mapToLong(shape -> shape.stream().reduce(1L, (a, b) -> a * b) * type().bytes())
                .sum();
    }

    public Compute compute() {
        return store.compute;
    }

    public DType type() {
        return store.type;
    }

    /**
     * Bytes that loaded values take on the device (on the CPU: of mapped files, which the system may take back). May be asked by any thread.
     */
    public long loadedBytes() {
        return store.loadedBytes.get();
    }

    /** Frees the values; they load again when they are next read. */
    public long unload() {
        long bytes = loadedBytes();
        List.copyOf(store.tensors.keySet()).forEach(store::forget);
        List.copyOf(store.packed.keySet()).forEach(store::forget);
        return bytes;
    }

    @Override
    public void close() {
        unload();
    }

    Tensor load(Weight weight) {
        return store.tensors.computeIfAbsent(weight.name(), name -> {
            Tensor loaded = store.load(weight);
            store.loadedBytes.addAndGet(Store.bytes(loaded));
            return loaded;
        });
    }

    /** Null where this device, or these weights' type, has no layout of its own. */
    @Nullable
    PackedLinear packedLinear() {
        return type() == DType.FLOAT32 ? compute().packedLinear().orElse(null) : null;
    }

    Tensor pack(Weight weight, PackedLinear layers) {
        return store.packed.computeIfAbsent(weight.name(), name -> store.pack(weight, layers));
    }

    /** What the views of one network share. */
    private static final class Store {
        private final @Nullable WeightSource source;
        private final Compute compute;
        private final DType type;
        private final long seed;
        private final Map<String, Weight> weights = new ConcurrentHashMap<>();
        private final Map<String, Tensor> tensors = new ConcurrentHashMap<>();
        private final Map<String, Tensor> packed = new ConcurrentHashMap<>();
        private final AtomicLong loadedBytes = new AtomicLong();
        private Map<String, WeightPatch> patches = Map.of();

        Store(@Nullable WeightSource source, Compute compute, DType type, long seed) {
            this.source = source;
            this.compute = compute;
            this.type = type;
            this.seed = seed;
        }

        void forget(String name) {
            Weight weight = weights.get(name);
            if (weight != null) {
                weight.forget();
            }
            Tensor held = tensors.remove(name);
            if (held != null) {
                loadedBytes.addAndGet(-bytes(held));
                held.close();
            }
            Tensor laidOut = packed.remove(name);
            if (laidOut != null && weight != null) {
                loadedBytes.addAndGet(-bytes(weight));
                laidOut.close();
            }
        }

        /** The file's layout is read for it and not kept. */
        Tensor pack(Weight weight, PackedLinear layers) {
            Tensor held = tensors.get(weight.name());
            Tensor plain = held == null ? load(weight) : held;
            try (Scope scope = new Scope()) {
                Tensor laidOut = layers.pack(plain.reshape(plain.size(0), -1));
                loadedBytes.addAndGet(bytes(weight));
                return laidOut;
            } finally {
                if (held == null) {
                    plain.close();
                }
            }
        }

        private long bytes(Weight weight) {
            return Arrays.stream(weight.shape()).reduce(1, (a, b) -> a * b) * type.bytes();
        }

        private static long bytes(Tensor tensor) {
            return Arrays.stream(tensor.shape()).reduce(1, (a, b) -> a * b)
                    * tensor.dtype().bytes();
        }

        Tensor load(Weight weight) {
            WeightPatch patch = patches.get(weight.name());
            if (patch == null) {
                return stored(weight, type);
            }
            Tensor base = stored(weight, DType.FLOAT32);
            try (GradMode off = GradMode.off();
                    Scope scope = new Scope()) {
                Tensor patched = patch.apply(base);
                return Scope.release(type == DType.FLOAT32 ? patched : patched.to(type));
            } finally {
                base.close();
            }
        }

        private Tensor stored(Weight weight, DType as) {
            return source == null ? synthesize(weight, as) : source.load(weight.name(), compute, as);
        }

        /** Norms' scales are 1 and everything else is uniform with the spread that keeps activations near their size. */
        private Tensor synthesize(Weight weight, DType as) {
            long[] shape = weight.shape();
            int size = Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact));
            float[] values = new float[size];
            if (shape.length == 1 && weight.name().endsWith(".weight")) {
                Arrays.fill(values, 1);
            } else {
                float width = shape.length <= 1 ? 0.01f : (float) Math.sqrt(3.0 * shape[0] / size);
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
                return Scope.release(as == DType.FLOAT32 ? tensor : tensor.to(as));
            }
        }
    }
}
