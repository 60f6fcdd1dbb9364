package dev.prenoise.tensor;

import ai.djl.engine.EngineException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Linear layers by oneDNN on a CPU, whose weights are laid out once as its kernels read them. Beside libtorch's own, which are MKL's and lay
 * out the weights at every call, few rows take about half the time; and a row has the same bits however many stand beside it. Without gradient, in float32.
 *
 * <p>Thread-safe.
 */
final class PackedLinear {
    private static final Logger LOG = LoggerFactory.getLogger(PackedLinear.class);

    /** That the layout is chosen for; others are computed as well. */
    private static final int ROWS = 64;

    private static final double CLOSE = 1e-5;

    private final OpPack ops;

    private PackedLinear(OpPack ops) {
        this.ops = ops;
    }

    /** Empty on a GPU, and where libtorch comes without oneDNN or what it computes is not what it should be. */
    static Optional<PackedLinear> open(Compute compute) {
        if (!compute.isCpu()) {
            return Optional.empty();
        }
        try {
            PackedLinear opened = new PackedLinear(OpPack.load(compute.newManager(), OpPack.PACKED_LINEAR));
            if (opened.works(compute)) {
                return Optional.of(opened);
            }
            LOG.warn("oneDNN's linear layers give other numbers than libtorch's own, which are used instead");
        } catch (EngineException | IllegalArgumentException e) {
            LOG.debug("no packed linear layers: libtorch has no oneDNN here", e);
        }
        return Optional.empty();
    }

    private boolean works(Compute compute) {
        int in = 24;
        int out = 40;
        float[] values = new float[in * out];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) Math.sin(i);
        }
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Tensor weight = Tensor.of(compute, values, out, in);
            Tensor x = Tensor.of(compute, values, 2, 20, in);
            Tensor packed = pack(weight);
            float[] expected = x.linear(weight, null).toFloats();
            float[] actual = apply(x, packed, null).toFloats();
            packed.close();
            for (int i = 0; i < expected.length; i++) {
                if (!(Math.abs(actual[i] - expected[i]) < CLOSE)) {
                    return false;
                }
            }
            return actual.length == expected.length;
        }
    }

    /**
     * @param weight {@code [out, in]}, float32
     * @return to be handed to {@link #apply} alone; lives until it is closed
     */
    Tensor pack(Tensor weight) {
        return Scope.release(ops.call("pack", weight, weight.compute().ops().scalar(weight.compute(), ROWS)));
    }

    /**
     * @param x {@code [.., in]}, float32
     * @param packed of {@link #pack}
     * @return {@code [.., out]}
     */
    Tensor apply(Tensor x, Tensor packed, @Nullable Tensor bias) {
        return bias == null ? ops.call("linear", x, packed) : ops.call("linear_bias", x, packed, bias);
    }
}
