package dev.prenoise.tensor;

import java.util.List;
import java.util.function.UnaryOperator;

/**
 * The tensors of one network by the names that its layout gives them, wherever in the files they stand.
 *
 * @param files one, or the shards of one network
 * @param key from a name of the layout to a tensor's name in the files
 */
public record StoredTensors(List<SafetensorsFile> files, UnaryOperator<String> key) {
    private static final long MAX_SIZE = 1 << 20;

    /** Of one file, whose names begin with this. */
    public static StoredTensors under(SafetensorsFile file, String prefix) {
        return new StoredTensors(List.of(file), name -> prefix + name);
    }

    public boolean has(String name) {
        String stored = key.apply(name);
        return files.stream().anyMatch(file -> file.contains(stored));
    }

    public List<Long> shape(String name) {
        return fileOf(name).entry(key.apply(name)).shape();
    }

    /**
     * @throws SafetensorsException when there is no such tensor, it has no such dimension or no network has one of that size
     */
    public int size(String name, int dimension) {
        List<Long> shape = shape(name);
        if (dimension >= shape.size() || shape.get(dimension) < 1 || shape.get(dimension) > MAX_SIZE) {
            throw wrong(name, "shape " + shape + " (expected: dimension " + dimension + " from 1 to " + MAX_SIZE + ")");
        }
        return Math.toIntExact(shape.get(dimension));
    }

    public float[] values(String name) {
        return fileOf(name).values(key.apply(name));
    }

    public SafetensorsException wrong(String name, String problem) {
        return fileOf(name).wrong(key.apply(name), problem);
    }

    SafetensorsFile fileOf(String name) {
        String stored = key.apply(name);
        return files.stream().filter(file -> file.contains(stored)).findFirst().orElse(files.get(0));
    }
}
