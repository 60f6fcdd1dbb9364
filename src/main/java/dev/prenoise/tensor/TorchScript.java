package dev.prenoise.tensor;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.nio.file.Path;

/**
 * A TorchScript module from a file, with its weights on a device. Such a file is a program: it can do whatever this process can, so only files
 * that the user trusts may be loaded. One thread at a time.
 */
public final class TorchScript implements AutoCloseable {
    private final Path file;
    private final Compute compute;
    private final PtNDManager manager;
    private final PtSymbolBlock module;

    private TorchScript(Path file, Compute compute, PtNDManager manager, PtSymbolBlock module) {
        this.file = file;
        this.compute = compute;
        this.manager = manager;
        this.module = module;
    }

    /**
     * @throws IllegalArgumentException when the file holds no TorchScript that this libtorch reads; names it
     */
    public static TorchScript load(Path file, Compute compute) {
        PtNDManager manager = compute.newManager();
        try {
            // as parameters to be trained, since others cannot have a gradient pass them by; then they are held
            PtSymbolBlock module = JniUtils.loadModule(manager, file, true, new String[0], new String[0], true);
            module.freezeParameters(true);
            return new TorchScript(file, compute, manager, module);
        } catch (EngineException | IllegalArgumentException e) {
            manager.close();
            throw new IllegalArgumentException(
                    file + ": cannot be loaded as TorchScript: " + firstLine(e)
                            + " (expected: what torch.jit.save of PyTorch " + Compute.libtorch() + " or older writes)",
                    e);
        }
    }

    /**
     * Calls {@code forward}. Records a gradient to the inputs when the thread's {@link GradMode} is on and the script lets it.
     *
     * @param inputs at least one
     * @return its one tensor, in the innermost scope
     * @throws IllegalArgumentException when the script fails or gives anything but a tensor; names the file
     */
    public Tensor forward(Tensor... inputs) {
        OpPack.stopOptimizing();
        NDList list = new NDList(inputs.length);
        for (Tensor input : inputs) {
            list.add(input.array());
        }
        try {
            // "training" only means that autograd is left as the thread has it
            NDList output = IValueUtils.forward(module, list, true);
            if (output.size() != 1) {
                output.close();
                throw new IllegalArgumentException(
                        file + ": forward gives " + output.size() + " tensors (expected: one)");
            }
            return new Tensor(compute, (PtNDArray) output.get(0));
        } catch (EngineException | UnsupportedOperationException e) {
            throw new IllegalArgumentException(file + ": forward failed: " + firstLine(e), e);
        }
    }

    /** What a script has to say comes after its own stack trace. */
    private static String firstLine(RuntimeException failure) {
        String message = String.valueOf(failure.getMessage()).strip();
        String[] lines = message.split("\\R");
        String last = lines[lines.length - 1].strip();
        return lines.length > 1 && message.contains("Traceback") ? last : lines[0];
    }

    /** Frees the module and its weights. */
    @Override
    public void close() {
        module.close();
        manager.close();
    }
}
