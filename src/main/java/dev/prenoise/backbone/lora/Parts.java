package dev.prenoise.backbone.lora;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.Tensor;
import java.util.List;
import java.util.Map;

/** The tensors of one module of a file. */
record Parts(SafetensorsFile file, Map<Part, String> keys) {
    boolean has(Part part) {
        return keys.containsKey(part);
    }

    List<Long> shape(Part part) {
        return file.entry(key(part)).shape();
    }

    /** Rows and columns, when all dimensions but the first are taken as one. */
    long rows(Part part) {
        return shape(part).get(0);
    }

    long columns(Part part) {
        return size(shape(part), 1);
    }

    /** The product of the dimensions from this one on. */
    static long size(List<Long> shape, int from) {
        return shape.stream().skip(from).reduce(1L, (a, b) -> a * b);
    }

    /** At least this many dimensions, none of them 0. */
    void requireDimensions(Part part, int count) {
        List<Long> shape = shape(part);
        if (shape.size() < count || shape.contains(0L)) {
            throw wrong(part, "shape " + shape + " (expected: at least " + count + " dimensions, none of them 0)");
        }
    }

    void require(Part part, Part because) {
        if (!has(part)) {
            throw wrong(because, "alone (expected: its partner for " + part + ")");
        }
    }

    /** That {@code left [n, r]} by {@code right [r, m]} has an inner dimension. */
    void requireProduct(Part left, Part right) {
        requireDimensions(left, 2);
        requireDimensions(right, 2);
        if (columns(left) != rows(right)) {
            throw wrong(
                    left,
                    "shape " + shape(left) + " does not go with " + shape(right) + " of \"" + key(right)
                            + "\" (expected: the same rank)");
        }
    }

    /** The values, float32 on the device; whoever asked closes them. */
    Tensor load(Part part, Compute compute) {
        return file.load(key(part), compute, DType.FLOAT32);
    }

    double number(Part part) {
        double value = file.number(key(part));
        if (!Double.isFinite(value)) {
            throw wrong(part, value + " (expected: a finite number)");
        }
        return value;
    }

    LoraException wrong(Part part, String problem) {
        return new LoraException(file.path(), "key \"" + key(part) + "\": " + problem);
    }

    private String key(Part part) {
        String key = keys.get(part);
        if (key == null) {
            throw new IllegalStateException(part + ": not there (expected: one of " + keys + ")");
        }
        return key;
    }
}
