package dev.prenoise.tensor;

import java.nio.file.Path;
import java.util.List;

/**
 * Where weights are stored, under the names that a network asks for: safetensors files as they are, or a checkpoint seen through another
 * layout's names. Thread-safe.
 */
public interface WeightSource {
    boolean has(String name);

    /**
     * @return the shape as the network expects it
     * @throws SafetensorsException when there is no such tensor; names the file and the tensor as the file has it
     */
    List<Long> shape(String name);

    /**
     * A tensor that belongs to no scope; whoever asked closes it. It may lie over a mapped file: never write to it.
     *
     * @param type a floating one
     * @throws SafetensorsException when there is no such tensor, it cannot be read or does not hold floating-point numbers
     */
    Tensor load(String name, Compute compute, DType type);

    /** The files that the tensors are in; empty where they are in none. */
    default List<Path> paths() {
        return List.of();
    }

    /** About this tensor's storage, for a message: the file, and the name that the tensor has there. */
    SafetensorsException wrong(String name, String problem);

    /** The tensors of some files under the names they have there; where several hold one, the first counts. */
    static WeightSource of(List<SafetensorsFile> files) {
        return new SafetensorsSource(List.copyOf(files));
    }
}
