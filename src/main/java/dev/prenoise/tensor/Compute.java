package dev.prenoise.tensor;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A device that computes: "cpu", "cuda:0", "mps". Starting libtorch happens on first use.
 *
 * <p>Thread-safe. Tensors themselves belong to one thread at a time.
 */
public final class Compute {
    private static final Map<String, Compute> DEVICES = new ConcurrentHashMap<>();

    private final String name;
    private final Device device;
    private final PtNDManager manager;
    private final OpPack ops;

    private Compute(String name, Device device) {
        this.name = name;
        this.device = device;
        Engine engine = start();
        this.manager = (PtNDManager) engine.newBaseManager(device);
        this.ops = OpPack.load(manager);
    }

    /** Starts libtorch when it has not been yet; everything else here does so too. */
    static Engine start() {
        return Engine.getEngine("PyTorch");
    }

    public static Compute cpu() {
        return of("cpu");
    }

    /**
     * @param name "cpu", "cuda", "cuda:1", "mps"
     * @throws IllegalArgumentException when the name is none of these or the machine has no such device
     */
    public static Compute of(String name) {
        return DEVICES.computeIfAbsent(name, Compute::open);
    }

    private static Compute open(String name) {
        Device device = device(name);
        if (device.isGpu() && start().getGpuCount() <= device.getDeviceId()) {
            throw new IllegalArgumentException(
                    "device: \"" + name + "\" (expected: a device of this machine; libtorch sees "
                            + start().getGpuCount() + " CUDA devices)");
        }
        return new Compute(name, device);
    }

    private static Device device(String name) {
        if (name.equals("cpu")) {
            return Device.cpu();
        }
        if (name.equals("mps")) {
            return Device.of("mps", 0);
        }
        if (name.equals("cuda")) {
            return Device.gpu(0);
        }
        if (name.matches("cuda:[0-9]{1,2}")) {
            return Device.gpu(Integer.parseInt(name.substring("cuda:".length())));
        }
        throw new IllegalArgumentException("device: \"" + name + "\" (expected: cpu, mps, cuda or cuda:N)");
    }

    /** Version of libtorch, and how many threads an operation may use. */
    public static String libtorch() {
        return start().getVersion();
    }

    public static int threads() {
        start();
        return JniUtils.getNumThreads();
    }

    /** CUDA devices that libtorch sees. */
    public static int cudaDevices() {
        return start().getGpuCount();
    }

    public String name() {
        return name;
    }

    public boolean isCpu() {
        return device.getDeviceType().equals(Device.Type.CPU);
    }

    Device device() {
        return device;
    }

    PtNDManager manager() {
        return manager;
    }

    /** A manager that owns what must outlive scopes and be freed together. */
    PtNDManager newManager() {
        NDManager sub = manager.newSubManager();
        return (PtNDManager) sub;
    }

    OpPack ops() {
        return ops;
    }

    @Override
    public String toString() {
        return name;
    }
}
