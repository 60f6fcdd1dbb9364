package dev.prenoise.backbone.lora;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What one file does to one weight. Equal when it is the same module of the same file. */
final class Change {
    /** {@code torch.finfo(torch.float32).eps}, which ComfyUI adds to norms. */
    private static final double EPSILON = 0x1p-23;

    private final LoraFile file;
    private final String module;
    private final Parts parts;
    private final Delta delta;
    private final boolean bias;
    private @Nullable Double scale;

    Change(LoraFile file, String module, Parts parts, Delta delta, boolean bias) {
        this.file = file;
        this.module = module;
        this.parts = parts;
        this.delta = delta;
        this.bias = bias;
    }

    String module() {
        return module;
    }

    boolean isBias() {
        return bias;
    }

    /**
     * That the weight can be changed by this; reads alpha.
     *
     * @throws LoraException when it cannot
     */
    void check(String weight, List<Long> shape) {
        if (!delta.fits(shape)) {
            throw file.wrong(
                    module,
                    "makes " + delta.shape() + " for " + weight + " " + shape
                            + " (expected: the same size; is the LoRA for another family of models?)");
        }
        if (!bias && parts.has(Part.DORA_SCALE)) {
            List<Long> magnitudes = parts.shape(Part.DORA_SCALE);
            long size = Parts.size(magnitudes, 0);
            if (shape.size() < 2 || magnitudes.isEmpty() || size != shape.get(0) && size != shape.get(1)) {
                throw parts.wrong(
                        Part.DORA_SCALE,
                        "shape " + magnitudes + " for " + weight + " " + shape
                                + " (expected: one magnitude for each row or column)");
            }
        }
        scale();
    }

    /** Alpha / rank; 1 where the file has no alpha. */
    private double scale() {
        Double known = scale;
        if (known == null) {
            known = delta.rank() == 0
                    ? 1.0
                    : parts.has(Part.ALPHA)
                            ? parts.number(Part.ALPHA) / delta.rank()
                            : file.trainedScale(module, delta.rank());
            scale = known;
        }
        return known;
    }

    /** The changed weight, float32, in the innermost scope. */
    Tensor apply(Tensor weight, double strength) {
        Tensor difference = delta.compute(weight.compute()).reshape(weight.shape());
        if (!Double.isFinite(difference.sum().toFloats()[0])) {
            throw file.wrong(module, "values that are not finite (expected: numbers)");
        }
        if (bias || !parts.has(Part.DORA_SCALE)) {
            return weight.add(difference.mul(strength * scale()));
        }
        Tensor directed = weight.add(difference.mul(scale()));
        Tensor decomposed = directed.mul(magnitudes(weight, directed));
        return strength == 1 ? decomposed : weight.add(decomposed.sub(weight).mul(strength));
    }

    /**
     * DoRA (Liu et al. 2024) the way ComfyUI's {@code weight_decompose} does it: magnitudes of rows are divided by the norms of the weight as
     * it was, magnitudes of columns by the norms of the weight with the difference added.
     */
    private Tensor magnitudes(Tensor weight, Tensor directed) {
        long rows = weight.size(0);
        long columns = weight.size(1);
        boolean byRow = parts.rows(Part.DORA_SCALE) == rows;
        Tensor vectors =
                byRow ? weight.reshape(rows, -1) : directed.transpose(0, 1).reshape(columns, -1);
        Tensor norms = vectors.mul(vectors)
                .matmul(ones(weight.compute(), vectors.size(1)))
                .sqrt()
                .add(EPSILON);
        long[] broadcast = new long[weight.shape().length];
        Arrays.fill(broadcast, 1);
        broadcast[byRow ? 0 : 1] = byRow ? rows : columns;
        try (Tensor magnitudes = parts.load(Part.DORA_SCALE, weight.compute())) {
            return magnitudes.reshape(broadcast).div(norms.reshape(broadcast));
        }
    }

    private static Tensor ones(Compute compute, long count) {
        float[] values = new float[Math.toIntExact(count)];
        Arrays.fill(values, 1);
        return Tensor.of(compute, values, count, 1);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Change change
                && file.equals(change.file)
                && module.equals(change.module)
                && bias == change.bias;
    }

    @Override
    public int hashCode() {
        return Objects.hash(file, module, bias);
    }
}
