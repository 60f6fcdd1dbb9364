package dev.prenoise.tensor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDScope;
import ai.djl.pytorch.engine.PtNDArray;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Frees every tensor that the thread made since the scope was opened. libtorch's memory is not the garbage collector's: what is made
 * outside of any scope stays until {@link Tensor#close()}.
 *
 * <p>Scopes nest and belong to the thread that opened them.
 */
public final class Scope implements AutoCloseable {
    private final NDScope scope = new NDScope();
    private final List<NDArray> moved = new ArrayList<>();

    /** Runs the body in a scope of its own; only its result lives on, in the scope around. */
    public static Tensor of(Supplier<Tensor> body) {
        try (Scope scope = new Scope()) {
            return scope.keep(body.get());
        }
    }

    /** {@link #of} for a body that may have no result. */
    public static @Nullable Tensor ofNullable(Supplier<@Nullable Tensor> body) {
        try (Scope scope = new Scope()) {
            Tensor result = body.get();
            return result == null ? null : scope.keep(result);
        }
    }

    /** Runs the body as if no scope were open: what it makes is not freed by any. */
    static PtNDArray outside(Supplier<PtNDArray> body) {
        PtNDArray made = body.get();
        NDScope.unregister(made);
        return made;
    }

    /** Hands the tensor to the scope around this one, which frees it when it closes. Returns the tensor. */
    public Tensor keep(Tensor tensor) {
        NDScope.unregister(tensor.array());
        moved.add(tensor.array());
        return tensor;
    }

    /** Takes a tensor that was just made out of the innermost scope: it lives until it is closed. Returns the tensor. */
    public static Tensor release(Tensor tensor) {
        NDScope.unregister(tensor.array());
        return tensor;
    }

    @Override
    public void close() {
        scope.close();
        moved.forEach(NDScope::register);
    }
}
