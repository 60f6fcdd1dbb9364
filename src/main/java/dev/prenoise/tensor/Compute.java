package dev.prenoise.tensor;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.util.Utils;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A device that computes: "cpu", "cuda:0", "mps". Starting libtorch happens on first use.
 *
 * <p>Thread-safe. Tensors themselves belong to one thread at a time.
 */
public final class Compute {
    private static final Logger LOG = LoggerFactory.getLogger(Compute.class);
    private static final String VERSION = "PYTORCH_VERSION";

    /** Of the convolution whose speed is measured: 0.3 GFLOP. */
    private static final int SPEED_WIDTH = 128;

    private static final int SPEED_SIDE = 32;
    private static final int SPEED_TURNS = 7;

    private static boolean started;
    private static final Map<String, Compute> DEVICES = new ConcurrentHashMap<>();

    private final String name;
    private final Device device;
    private final PtNDManager manager;
    private final OpPack ops;
    private @Nullable Optional<PackedLinear> packedLinear;

    private Compute(String name, Device device) {
        this.name = name;
        this.device = device;
        Engine engine = start();
        this.manager = (PtNDManager) engine.newBaseManager(device);
        this.ops = OpPack.load(manager, OpPack.OPERATIONS);
    }

    /** Starts libtorch when it has not been yet; everything else here does so too. */
    static Engine start() {
        preferCuda();
        return Engine.getEngine("PyTorch");
    }

    /**
     * DJL takes the natives that are bundled, which are for the CPU, whatever flavor is asked for, unless it is asked for another version: so
     * it is asked for a rebuild of the same. It then takes those in its cache, or fetches them where it may.
     */
    private static synchronized void preferCuda() {
        String flavor = System.getenv("PYTORCH_FLAVOR");
        boolean first = !started;
        started = true;
        if (!first
                || flavor == null
                || !flavor.startsWith("cu")
                || System.getenv("PYTORCH_LIBRARY_PATH") != null
                || System.getenv(VERSION) != null
                || System.getProperty(VERSION) != null) {
            return;
        }
        Properties binding = new Properties();
        try (InputStream in = JniUtils.class.getResourceAsStream("/jnilib/pytorch.properties")) {
            if (in == null) {
                return;
            }
            binding.load(in);
        } catch (IOException e) {
            LOG.debug("the binding's version is not known", e);
            return;
        }
        String version = binding.getProperty("jni_version", "").replaceFirst("-.*", "-1");
        if (Utils.isOfflineMode() && !isCached(version + "-" + flavor)) {
            LOG.warn(
                    "computing without CUDA: PYTORCH_FLAVOR is {}, whose natives are not in {}, and DJL_OFFLINE is not false, which would "
                            + "let them be fetched",
                    flavor,
                    Utils.getEngineCacheDir("pytorch"));
            return;
        }
        System.setProperty(VERSION, version);
    }

    private static boolean isCached(String prefix) {
        try (Stream<Path> folders = Files.list(Utils.getEngineCacheDir("pytorch"))) {
            return folders.anyMatch(
                    folder -> String.valueOf(folder.getFileName()).startsWith(prefix));
        } catch (IOException e) {
            return false;
        }
    }

    public static Compute cpu() {
        return of("cpu");
    }

    /** The first CUDA device, else Apple's GPU, else the CPU. */
    public static Compute best() {
        if (cudaDevices() > 0) {
            return of("cuda:0");
        }
        if (isAppleSilicon()) {
            try {
                return of("mps");
            } catch (IllegalArgumentException e) {
                LOG.info("computing on the CPU: {}", e.getMessage());
            }
        }
        return cpu();
    }

    /**
     * The same object for every name of a device: "cuda" is "cuda:0".
     *
     * @param name "cpu", "cuda", "cuda:1", "mps"; "auto" = {@link #best}
     * @throws IllegalArgumentException when the name is none of these or the machine has no such device
     */
    public static Compute of(String name) {
        if (name.equals("auto")) {
            return best();
        }
        Device device = device(name);
        return DEVICES.computeIfAbsent(nameOf(name), key -> open(key, device));
    }

    /**
     * What {@link #name} would be of a device that this machine need not have.
     *
     * @param name "cpu", "cuda", "cuda:1", "mps"
     * @throws IllegalArgumentException when it is none of these
     */
    public static String nameOf(String name) {
        Device device = device(name);
        return device.isGpu() ? "cuda:" + device.getDeviceId() : name;
    }

    private static Compute open(String name, Device device) {
        if (device.isGpu() && cudaDevices() <= device.getDeviceId()) {
            throw none(name, "libtorch " + libtorch() + " sees " + cudaDevices() + " CUDA devices");
        }
        if (device.getDeviceType().equals("mps")) {
            requireMps(name, device);
        }
        return new Compute(name, device);
    }

    private static void requireMps(String name, Device device) {
        if (!isAppleSilicon()) {
            throw none(name, "MPS is Apple's: macOS on Apple silicon has it");
        }
        try (NDManager probe = start().newBaseManager(device)) {
            probe.create(1f).close();
        } catch (EngineException e) {
            throw new IllegalArgumentException(
                    none(name, "libtorch has no MPS here: " + e.getMessage()).getMessage(), e);
        }
    }

    private static boolean isAppleSilicon() {
        return System.getProperty("os.name", "").startsWith("Mac")
                && System.getProperty("os.arch", "").equals("aarch64");
    }

    private static IllegalArgumentException none(String name, String why) {
        return new IllegalArgumentException(
                "device: \"" + name + "\" (expected: a device of this machine; " + why + ")");
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
        throw new IllegalArgumentException("device: \"" + name + "\" (expected: auto, cpu, mps, cuda or cuda:N)");
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
        return start().hasCapability("CUDA") ? Cuda.devices() : 0;
    }

    public String name() {
        return name;
    }

    public boolean isCpu() {
        return device.getDeviceType().equals(Device.Type.CPU);
    }

    /**
     * Whether halves are computed in halves: GPUs do, and gain by it; libtorch's half convolutions on a CPU are some 300 times slower than
     * those of floats.
     */
    public boolean computesHalf() {
        return computesHalf(name);
    }

    /**
     * The same of a device that this machine need not have.
     *
     * @param device as {@link #nameOf} has it
     */
    public static boolean computesHalf(String device) {
        return !device.equals("cpu");
    }

    /**
     * How many times as fast as in float32 a convolution is in bfloat16 on the CPU, measured in some hundredths of a second; where a processor
     * has no instructions for it, less than 1, and it may take seconds to find out.
     *
     * @throws IllegalStateException on any other device
     */
    public double bfloat16Speed() {
        if (!isCpu()) {
            throw new IllegalStateException("device: " + name + " (expected: cpu)");
        }
        double exact = Double.POSITIVE_INFINITY;
        double narrow = Double.POSITIVE_INFINITY;
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Tensor x = Tensor.of(
                    this, new float[SPEED_WIDTH * SPEED_SIDE * SPEED_SIDE], 1, SPEED_WIDTH, SPEED_SIDE, SPEED_SIDE);
            Tensor weight = Tensor.of(this, new float[9 * SPEED_WIDTH * SPEED_WIDTH], SPEED_WIDTH, SPEED_WIDTH, 3, 3);
            Tensor narrowX = x.to(DType.BFLOAT16);
            Tensor narrowWeight = weight.to(DType.BFLOAT16);
            for (int turn = 0; turn < SPEED_TURNS; turn++) {
                exact = Math.min(exact, seconds(x, weight));
                narrow = Math.min(narrow, seconds(narrowX, narrowWeight));
            }
        }
        return exact / narrow;
    }

    /** Processor time of this thread, which does its share of the operation: what else a busy machine does falls out. */
    private static double seconds(Tensor x, Tensor weight) {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        try (Scope scope = new Scope()) {
            long start = threads.getCurrentThreadCpuTime();
            x.conv2d(weight, null, 1, 1);
            return Math.max(1, threads.getCurrentThreadCpuTime() - start) * 1e-9;
        }
    }

    /**
     * What the device has and what could be had of it now. On a CUDA device, what libtorch holds in its cache counts as used: {@link
     * #emptyCache} first. Apple's GPU has the machine's memory.
     */
    public DeviceMemory memory() {
        return device.isGpu() ? Cuda.memory(device.getDeviceId()) : DeviceMemory.system();
    }

    /** Gives back what libtorch, or on a CPU the allocator, holds of freed tensors; so that other processes can have it. */
    public void emptyCache() {
        if (device.isGpu()) {
            JniUtils.emptyCudaCache();
        } else if (isCpu()) {
            HeapTrim.run();
        }
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

    /** Empty where this device has none. */
    synchronized Optional<PackedLinear> packedLinear() {
        Optional<PackedLinear> opened = packedLinear;
        if (opened == null) {
            opened = PackedLinear.open(this);
            packedLinear = opened;
        }
        return opened;
    }

    @Override
    public String toString() {
        return name;
    }

    /** The driver, looked for when first asked. */
    private static final class Cuda {
        private static final @Nullable CudaDriver DRIVER = load();

        private static @Nullable CudaDriver load() {
            try {
                return CudaDriver.load();
            } catch (UnsatisfiedLinkError e) {
                LOG.warn("how much memory a card has free cannot be asked: {}", e.getMessage());
                return null;
            }
        }

        /** DJL's own count needs the CUDA toolkit's runtime beside libtorch's. */
        static int devices() {
            return DRIVER == null ? 0 : DRIVER.devices();
        }

        static DeviceMemory memory(int ordinal) {
            return DRIVER == null ? DeviceMemory.UNKNOWN : DRIVER.memory(ordinal);
        }
    }
}
