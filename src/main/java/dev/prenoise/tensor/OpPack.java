package dev.prenoise.tensor;

import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Operations that DJL's binding lacks, as exported methods of a scripted module. {@code src/tools/make_op_pack.py} makes the files.
 *
 * <p>Thread-safe: the module holds no state.
 */
final class OpPack {
    /** What every libtorch has. */
    static final String OPERATIONS = "/dev/prenoise/tensor/op_pack.pt";

    /** What only a libtorch with oneDNN has: naming an operation that is not there fails the whole module. */
    static final String PACKED_LINEAR = "/dev/prenoise/tensor/packed_linear.pt";

    /** The graph optimizer recompiles for every new shape; its switch is thread-local. */
    private static final ThreadLocal<Boolean> OPTIMIZER_OFF = ThreadLocal.withInitial(() -> {
        JniUtils.setGraphExecutorOptimize(false);
        return true;
    });

    private final PtSymbolBlock module;
    private final PtNDManager constants;
    private final Map<String, PtNDArray> methods = new ConcurrentHashMap<>();
    private final Map<Number, PtNDArray> scalars = new ConcurrentHashMap<>();

    private OpPack(PtSymbolBlock module, PtNDManager constants) {
        this.module = module;
        this.constants = constants;
    }

    /**
     * @throws ai.djl.engine.EngineException when it names an operation that this libtorch lacks
     */
    static OpPack load(PtNDManager manager, String resource) {
        try (InputStream in = OpPack.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalStateException(resource + ": missing from the class path");
            }
            PtNDManager constants = (PtNDManager) manager.newSubManager(ai.djl.Device.cpu());
            return new OpPack(JniUtils.loadModule(manager, in, false, false), constants);
        } catch (IOException e) {
            throw new UncheckedIOException(resource + ": cannot be read", e);
        }
    }

    Tensor call(String method, Tensor... arguments) {
        return new Tensor(
                arguments[0].compute(), (PtNDArray) run(method, arguments).get(0));
    }

    Tensor[] callPair(String method, Tensor... arguments) {
        NDList list = run(method, arguments);
        Compute compute = arguments[0].compute();
        return new Tensor[] {new Tensor(compute, (PtNDArray) list.get(0)), new Tensor(compute, (PtNDArray) list.get(1))
        };
    }

    /** A 0-d float64 CPU tensor of the innermost scope: callers' sigmas come in any number, so they are not kept. */
    Tensor number(Compute compute, double value) {
        return new Tensor(compute, (PtNDArray) constants.create(value));
    }

    /** A 0-d CPU tensor, made once and kept, of a number that comes from a network's shape: counts as int64, epsilons as float64. */
    Tensor scalar(Compute compute, Number value) {
        PtNDArray array = scalars.get(value);
        if (array == null) {
            array = scalars.computeIfAbsent(
                    value,
                    v -> Scope.outside(() -> (PtNDArray)
                            (v instanceof Integer i
                                    ? constants.create(i.longValue())
                                    : constants.create(v.doubleValue()))));
        }
        return new Tensor(compute, array);
    }

    int keptScalars() {
        return scalars.size();
    }

    /** In this thread, if it has not been done. */
    static void stopOptimizing() {
        OPTIMIZER_OFF.get();
    }

    private NDList run(String method, Tensor... arguments) {
        stopOptimizing();
        NDList list = new NDList(arguments.length + 1);
        for (Tensor argument : arguments) {
            list.add(argument.array());
        }
        list.add(methods.computeIfAbsent(method, this::nameTag));
        // "training" only means that autograd is left as the thread has it
        return IValueUtils.forward(module, list, true);
    }

    /** The binding takes the method's name from the name of the last tensor. */
    private PtNDArray nameTag(String method) {
        return Scope.outside(() -> {
            PtNDArray tag = (PtNDArray) constants.create(0f);
            tag.setName("module_method:" + method);
            return tag;
        });
    }
}
