package dev.prenoise.server.cli;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.v1.Include;
import dev.prenoise.v1.OptimizeNoiseRequest;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code prenoise doctor}: what works on this machine, what is missing, how to get it. Exit code 0 when the main job works. */
@Command(
        name = "doctor",
        header = "Says what works here, what is missing and how to get it.",
        description = "Exit code 0 when prenoise optimize works on this machine with the built-in model.",
        sortOptions = false)
final class DoctorCommand implements Callable<Integer> {
    private static final long GIGABYTE = 1_000_000_000L;
    private static final long LITTLE_MEMORY = 2 * GIGABYTE;

    private final Console console;
    private final Function<ModelOptions, Service> local;

    @Mixin
    private ModelOptions models = new ModelOptions();

    DoctorCommand(Console console, Function<ModelOptions, Service> local) {
        this.console = console;
        this.local = local;
    }

    /** How a check came out. Only what is missing keeps the main job from working. */
    enum Level {
        OK,
        WARN,
        MISSING
    }

    /**
     * @param advice what to do; "" where nothing is to be done
     */
    record Finding(Level level, String what, String advice) {
        static Finding ok(String what) {
            return new Finding(Level.OK, what, "");
        }

        static Finding warn(String what, String advice) {
            return new Finding(Level.WARN, what, advice);
        }

        static Finding missing(String what, String advice) {
            return new Finding(Level.MISSING, what, advice);
        }
    }

    @Override
    public Integer call() {
        boolean works = true;
        for (Supplier<Finding> check : checks()) {
            Finding finding = check.get();
            works &= finding.level() != Level.MISSING;
            console.out()
                    .println(String.format(
                            Locale.ROOT, "%-8s%s", finding.level().name().toLowerCase(Locale.ROOT), finding.what()));
            if (!finding.advice().isEmpty()) {
                console.out().println("        -> " + finding.advice());
            }
            console.out().flush();
        }
        return works ? 0 : Main.FAILED;
    }

    private List<Supplier<Finding>> checks() {
        return List.of(
                DoctorCommand::java,
                DoctorCommand::memory,
                DoctorCommand::libtorch,
                DoctorCommand::openMp,
                DoctorCommand::cuda,
                () -> writable("stored searches", Folders.data()),
                () -> writable("the built-in model's files", Folders.cache()),
                DoctorCommand::pictures,
                this::search);
    }

    private static Finding java() {
        return Finding.ok("Java " + System.getProperty("java.version") + " (" + System.getProperty("java.vendor")
                + ") on " + System.getProperty("os.name") + " " + System.getProperty("os.arch"));
    }

    private static Finding memory() {
        long heap = Runtime.getRuntime().maxMemory();
        if (!(ManagementFactory.getOperatingSystemMXBean()
                instanceof com.sun.management.OperatingSystemMXBean machine)) {
            return Finding.ok("memory: " + gigabytes(heap) + " for Java");
        }
        long total = machine.getTotalMemorySize();
        String what = "memory: " + gigabytes(total) + ", of which Java may take " + gigabytes(heap)
                + "; weights and tensors come on top";
        return total < LITTLE_MEMORY
                ? Finding.warn(what, "the built-in model needs about 1 GB, Stable Diffusion 1.5 about 6 GB")
                : Finding.ok(what);
    }

    /** 2 x 2 by hand: the natives are there, load, and compute. */
    private static Finding libtorch() {
        try (Scope scope = new Scope()) {
            Compute cpu = Compute.cpu();
            Tensor left = Tensor.of(cpu, new float[] {1, 2, 3, 4}, 2, 2);
            float[] product = left.matmul(left).toFloats();
            if (product[0] != 7 || product[3] != 22) {
                return Finding.missing("libtorch computes wrong numbers", "please report this machine's processor");
            }
            return Finding.ok("libtorch " + Compute.libtorch() + " loads and computes");
        } catch (RuntimeException | LinkageError e) {
            return Finding.missing(
                    "libtorch does not load: " + Failures.oneLine(e),
                    "build on this machine with ./prenoise or mvn package: natives exist for Linux x86-64 and arm64, macOS "
                            + "arm64 and Windows x86-64, with glibc 2.28 or newer on Linux");
        }
    }

    private static Finding openMp() {
        String policy = environment("OMP_WAIT_POLICY");
        String threads = environment("OMP_NUM_THREADS");
        String what = "threads: " + Runtime.getRuntime().availableProcessors() + " processors, OMP_WAIT_POLICY="
                + policy + (threads.isEmpty() ? "" : ", OMP_NUM_THREADS=" + threads);
        return policy.equalsIgnoreCase("PASSIVE")
                ? Finding.ok(what)
                : Finding.warn(
                        what,
                        "start with ./prenoise, or set OMP_WAIT_POLICY=PASSIVE: spinning threads slow busy machines");
    }

    private static Finding cuda() {
        try {
            int devices = Compute.cudaDevices();
            if (devices > 0) {
                return Finding.ok("CUDA: " + devices + (devices == 1 ? " device" : " devices"));
            }
        } catch (RuntimeException | LinkageError e) {
            // libtorch's own line has said so.
        }
        if (Files.exists(Path.of("/dev/nvidia0"))) {
            return Finding.warn(
                    "an NVIDIA device is here, but this libtorch computes on the CPU",
                    "set PYTORCH_LIBRARY_PATH to the torch/lib folder of a pip torch 2.7.1, PYTORCH_VERSION=2.7.1 and "
                            + "PYTORCH_FLAVOR=cu128");
        }
        return Finding.ok("no CUDA device: the CPU computes, which is enough for the built-in model");
    }

    private static Finding writable(String what, Path folder) {
        try {
            Files.createDirectories(folder);
            Files.delete(Files.createTempFile(folder, ".doctor", ""));
            return Finding.ok("folder for " + what + ": " + folder);
        } catch (IOException e) {
            return Finding.warn(
                    "folder for " + what + ": " + folder + " cannot be written to",
                    "set XDG_DATA_HOME and XDG_CACHE_HOME to folders that can, or serve with --data");
        }
    }

    private static Finding pictures() {
        try {
            Canvas.read(new Canvas(1, 1, 0).toPng());
            return Finding.ok("PNG pictures can be written (no fonts of the machine are needed)");
        } catch (IOException | RuntimeException | LinkageError e) {
            return Finding.missing(
                    "PNG pictures cannot be written: " + Failures.oneLine(e),
                    "use a JDK that has the module java.desktop");
        }
    }

    /** The main job at its smallest, through the service. */
    private Finding search() {
        long begin = System.nanoTime();
        try (Service service = local.apply(models)) {
            OptimizeNoiseRequest.Builder request =
                    OptimizeNoiseRequest.newBuilder().setSearchId("doctor-" + UUID.randomUUID());
            request.getPromptBuilder().setText("a red circle and a blue square");
            request.getAttentionBuilder().setLoss(dev.prenoise.v1.AttentionLoss.ATTENTION_LOSS_CONFORM);
            request.getBudgetBuilder().setLossEvaluations(1);
            request.getOutputBuilder().setPreview(Include.INCLUDE_NONE);
            SearchResult result = new Search(service, request.build()).run(new ProgressView.Silent());
            return Finding.ok(String.format(
                    Locale.ROOT,
                    "the built-in model loads and scores noise (%s, loss %.5f, %.1f s)",
                    result.accepted().getBackbone(),
                    result.winner().getScore(),
                    (System.nanoTime() - begin) / 1e9));
        } catch (RuntimeException | LinkageError e) {
            // Not a constant: the first logger must not exist before its level is set.
            LoggerFactory.getLogger(DoctorCommand.class).debug("The search failed", e);
            return Finding.missing(
                    "the built-in model does not work: " + Failures.oneLine(e),
                    "prenoise doctor --verbose shows where");
        }
    }

    private static String environment(String name) {
        return Objects.requireNonNullElse(System.getenv(name), "");
    }

    private static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f GB", (double) bytes / GIGABYTE);
    }
}
