package dev.prenoise.server.cli;

import dev.prenoise.engine.BackboneInfo;
import dev.prenoise.engine.DeviceInfo;
import dev.prenoise.engine.EngineOptions;
import dev.prenoise.engine.FamilyNeeds;
import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.engine.LoraInfo;
import dev.prenoise.engine.MemoryNeeds;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.ModelException;
import dev.prenoise.engine.Precision;
import dev.prenoise.server.grpc.PeerTarget;
import dev.prenoise.server.ops.ProductVersion;
import dev.prenoise.shapes.ShapesModel;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DeviceMemory;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.v1.Backbone;
import dev.prenoise.v1.GetCapabilitiesRequest;
import dev.prenoise.v1.GetCapabilitiesResponse;
import dev.prenoise.v1.Include;
import dev.prenoise.v1.NoiseProviderGrpc;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.verifier.VerifierOffer;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code prenoise doctor}: what works on this machine, what is missing, how to get it. Exit code 0 when the main job works. */
@Command(
        name = "doctor",
        header = "Says what works here, what is missing and how to get it.",
        description =
                "Exit code 0 when prenoise optimize works on this machine with the built-in model, and the options can be used.",
        sortOptions = false)
final class DoctorCommand implements Callable<Integer> {
    private static final long GIGABYTE = 1_000_000_000L;
    private static final long LITTLE_MEMORY = 2 * GIGABYTE;

    private static final int MOST_MODELS = 40;
    private static final long PEER_SECONDS = 10;

    /** Times as fast as float32, from which on bfloat16 is named. */
    private static final double WORTHWHILE = 1.2;

    static final String CUDA_ADVICE = """
            let it fetch CUDA's natives once (some GB, kept in ~/.djl.ai): DJL_OFFLINE=false PYTORCH_FLAVOR=cu128 ./prenoise doctor
            from then on: PYTORCH_FLAVOR=cu128 ./prenoise serve --device cuda
            or use a pip-installed torch 2.7.1 for CUDA 12.8 (no other version works): PYTORCH_LIBRARY_PATH=.../site-packages/torch/lib PYTORCH_VERSION=2.7.1 PYTORCH_FLAVOR=cu128""";

    private final Console console;
    private final Function<ModelOptions, Service> local;
    private final Function<ModelOptions, ModelCatalog> open;

    @Mixin
    private ModelOptions options = new ModelOptions();

    @Mixin
    private PeerOptions peers = new PeerOptions();

    /** Whether the options are; else the built-in model is tried without them. */
    private boolean usable;

    DoctorCommand(Console console, Function<ModelOptions, Service> local, Function<ModelOptions, ModelCatalog> open) {
        this.console = console;
        this.local = local;
        this.open = open;
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
        for (Supplier<List<Finding>> check : checks()) {
            works &= print(check.get());
        }
        return works ? 0 : Main.FAILED;
    }

    /** Returns whether nothing is missing. */
    private boolean print(List<Finding> findings) {
        boolean works = true;
        for (Finding finding : findings) {
            works &= finding.level() != Level.MISSING;
            console.out()
                    .println(String.format(
                            Locale.ROOT, "%-8s%s", finding.level().name().toLowerCase(Locale.ROOT), finding.what()));
            finding.advice().lines().forEach(line -> console.out().println("        -> " + line));
            console.out().flush();
        }
        return works;
    }

    private List<Supplier<List<Finding>>> checks() {
        return List.of(
                () -> List.of(java()),
                () -> List.of(memory()),
                () -> List.of(libtorch()),
                () -> List.of(openMp()),
                DoctorCommand::devices,
                this::bfloat16,
                () -> List.of(writable("stored searches", Folders.data())),
                () -> List.of(writable("the built-in model's files and models' hashes", Folders.cache())),
                () -> List.of(pictures()),
                this::models,
                this::peers,
                () -> List.of(search()));
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
            String flavor = environment("PYTORCH_FLAVOR");
            if (!flavor.isEmpty()) {
                return Finding.missing(
                        "libtorch does not load with PYTORCH_FLAVOR=" + flavor + ": " + Failures.oneLine(e),
                        "without it the CPU computes. For CUDA:\n" + CUDA_ADVICE);
            }
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

    /** Whether computing in bfloat16 gains anything on this processor. */
    private List<Finding> bfloat16() {
        double speed;
        try {
            speed = Compute.cpu().bfloat16Speed();
        } catch (RuntimeException | LinkageError e) {
            // The line about libtorch has said so.
            return List.of();
        }
        String what = String.format(
                Locale.ROOT,
                "bfloat16 on this processor: a convolution runs %.1f times as fast as in float32, a network gains less; half the memory",
                speed);
        if (speed >= 1) {
            return List.of(Finding.ok(what + (speed > WORTHWHILE ? " (--dtype bf16)" : "")));
        }
        return List.of(
                options.precision() == Precision.BF16
                        ? Finding.warn(what, "leave --dtype bf16 out, or have it for its memory alone")
                        : Finding.ok(what));
    }

    /** What libtorch computes on here, and how it would see a card that it does not. */
    private static List<Finding> devices() {
        int cards;
        try {
            cards = Compute.cudaDevices();
        } catch (RuntimeException | LinkageError e) {
            // The line about libtorch has said so.
            return List.of();
        }
        List<Finding> findings = new ArrayList<>();
        for (int i = 0; i < cards; i++) {
            findings.add(Finding.ok("device " + device("cuda:" + i)));
        }
        findings.add(Finding.ok("device " + device("cpu")));
        String card = cards == 0 ? NvidiaCard.find() : null;
        if (card != null) {
            findings.add(Finding.warn(
                    "an NVIDIA card is here (" + card + "), but this libtorch is built for the CPU", CUDA_ADVICE));
        } else if (cards == 0) {
            findings.add(Finding.ok("no CUDA device: the CPU computes, which is enough for the built-in model"));
        }
        return findings;
    }

    private static String device(String name) {
        Compute compute = Compute.of(name);
        DeviceMemory memory = compute.memory();
        return compute.name() + ": "
                + (memory.known()
                        ? gigabytes(memory.free()) + " of " + gigabytes(memory.total()) + " free"
                        : "how much memory is free cannot be asked");
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
        try (Service service = local.apply(usable ? options : new ModelOptions())) {
            OptimizeNoiseRequest.Builder request =
                    OptimizeNoiseRequest.newBuilder().setSearchId("doctor-" + UUID.randomUUID());
            request.setBackbone(ShapesModel.ID);
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

    /** Whether the options can be used, what is listed with a problem, and what fits in memory. */
    private List<Finding> models() {
        try (ModelCatalog catalog = open.apply(options)) {
            List<Finding> findings = models(catalog, options.catalog().engine());
            usable = true;
            return findings;
        } catch (CliException | ModelException e) {
            String message = Failures.oneLine(e);
            return List.of(Finding.missing(
                    message.startsWith("--") ? message : "--" + message, "name another, or leave the option out"));
        } catch (RuntimeException | LinkageError e) {
            LoggerFactory.getLogger(DoctorCommand.class).debug("The models cannot be listed", e);
            return List.of(Finding.missing(
                    "the models cannot be listed: " + Failures.oneLine(e), "prenoise doctor --verbose shows where"));
        }
    }

    private static List<Finding> models(ModelCatalog catalog, EngineOptions engine) {
        DeviceInfo device = catalog.devices().get(0);
        Room room = Room.of(device, engine.memoryLimit());
        List<Finding> findings = new ArrayList<>();
        int looked = 0;
        for (BackboneInfo info : catalog.list()) {
            if (info.problem() != null) {
                findings.add(Finding.warn(info.id() + " cannot be used: " + info.problem(), ""));
            } else if (looked++ < MOST_MODELS) {
                findings.add(fit(catalog, info, room));
            }
        }
        if (looked > MOST_MODELS) {
            findings.add(Finding.ok(
                    (looked - MOST_MODELS) + " more models are not looked at; their families' needs follow"));
        }
        for (FamilyNeeds family : FamilyNeeds.of(engine)) {
            findings.add(room.fit("any " + family.title() + " model at " + family.size() + " px", family.needs()));
        }
        for (LoraInfo lora : catalog.loras()) {
            if (lora.problem() != null) {
                findings.add(Finding.warn("LoRA " + lora.name() + " cannot be used: " + lora.problem(), ""));
            }
        }
        findings.add(verifiers(catalog.verifiers().list()));
        return findings;
    }

    /** Those without files are no fault: nobody has them all. */
    private static Finding verifiers(List<VerifierOffer> offers) {
        List<String> usable = offers.stream()
                .filter(offer -> offer.problem() == null)
                .map(VerifierOffer::name)
                .toList();
        int missing = offers.size() - usable.size();
        return Finding.ok("verifiers that can be used: " + (usable.isEmpty() ? "none" : String.join(", ", usable))
                + (missing == 0 ? "" : "; `prenoise models` says what " + missing + " more need"));
    }

    /** Whether those of --peers could score candidates for a sidecar with these options. */
    private List<Finding> peers() {
        try {
            List<PeerTarget> targets = peers.targets();
            if (targets.isEmpty() || !usable) {
                return List.of();
            }
            try (ModelCatalog catalog = open.apply(options)) {
                return targets.stream().map(peer -> peer(peer, catalog)).toList();
            }
        } catch (CliException e) {
            return List.of(Finding.missing(Failures.oneLine(e), "name another, or leave the option out"));
        }
    }

    private static Finding peer(PeerTarget peer, ModelCatalog catalog) {
        String what = "peer " + peer.address();
        ManagedChannel channel = peer.channel().get().build();
        try {
            GetCapabilitiesResponse theirs = NoiseProviderGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(PEER_SECONDS, TimeUnit.SECONDS)
                    .getCapabilities(GetCapabilitiesRequest.getDefaultInstance());
            return peer(what, theirs, catalog);
        } catch (StatusRuntimeException e) {
            return Finding.warn(
                    what + " does not answer: " + Failures.oneLine(e),
                    "start it there with the same models: ./prenoise serve --port PORT");
        } finally {
            channel.shutdownNow();
        }
    }

    private static Finding peer(String what, GetCapabilitiesResponse theirs, ModelCatalog catalog) {
        if (!theirs.getVersion().equals(ProductVersion.get())) {
            return Finding.warn(
                    what + " has version " + theirs.getVersion() + " (expected: " + ProductVersion.get() + ")",
                    "run the same version on both");
        }
        String device = kind(catalog.devices().get(0).name());
        String theirDevice = theirs.getDevicesCount() == 0
                ? "none"
                : kind(theirs.getDevices(0).getName());
        if (!theirDevice.equals(device)) {
            return Finding.warn(
                    what + " computes on " + theirDevice + " (expected: " + device + ")",
                    "scores of different kinds of devices differ: run both on the same kind");
        }
        Map<String, String> hashes = theirs.getBackbonesList().stream()
                .collect(Collectors.toMap(Backbone::getId, Backbone::getSha256, (one, other) -> one));
        List<BackboneInfo> usable =
                catalog.list().stream().filter(info -> info.problem() == null).toList();
        List<String> missing = usable.stream()
                .filter(info -> !isThere(info, hashes.get(info.id())))
                .map(BackboneInfo::id)
                .toList();
        return missing.isEmpty()
                ? Finding.ok(what + " has the same version, the same kind of device, and the " + usable.size()
                        + " models that are here")
                : Finding.warn(
                        what + " does not have " + String.join(", ", missing) + ", or has other files of that name",
                        "searches on these are not shared with it: give it the same --models");
    }

    /** A hash that is not known yet says nothing. */
    private static boolean isThere(BackboneInfo info, @Nullable String theirs) {
        return theirs != null && (theirs.isEmpty() || info.sha256() == null || theirs.equals(info.sha256()));
    }

    private static String kind(String device) {
        return device.replaceFirst(":.*", "");
    }

    private static Finding fit(ModelCatalog catalog, BackboneInfo info, Room room) {
        String what = info.id() + " (" + info.family() + ") at " + info.nativeSize() + " px";
        try {
            return room.fit(what, catalog.open(info.id()).memoryNeeds(0, 0));
        } catch (ModelException | InvalidFieldException e) {
            return Finding.warn(info.id() + " does not open: " + Failures.oneLine(e), "");
        }
    }

    /**
     * @param bytes that models may take; 0 = not known
     */
    record Room(String device, long bytes) {
        /** What a search scores at once at most. */
        private static final int LARGEST_BATCH = 32;

        static Room of(DeviceInfo device, long limit) {
            long free = device.memoryFree();
            return new Room(device.name(), limit == 0 ? free : free == 0 ? limit : Math.min(free, limit));
        }

        Finding fit(String what, MemoryNeeds needs) {
            String sizes = what + ": scoring needs " + gigabytes(needs.toRank()) + ", optimising "
                    + gigabytes(needs.toOptimize()) + ", pictures " + gigabytes(needs.toDraw()) + " of " + device;
            if (bytes == 0) {
                return Finding.ok(sizes + ", whose free memory is not known");
            }
            if (needs.toRank() > bytes) {
                return Finding.warn(
                        sizes + ", which has " + gigabytes(bytes) + ": it does not fit",
                        "free memory there, take a smaller picture, or --dtype fp16 on a GPU, --dtype bf16 on a CPU");
            }
            long batch = (bytes - needs.lossWeights()) / Math.max(1, needs.loss());
            String fits = "; of " + gigabytes(bytes) + " that fits " + Math.max(1, Math.min(LARGEST_BATCH, batch))
                    + " at once" + (needs.toOptimize() > bytes ? ", not optimising" : "")
                    + (needs.toDraw() > bytes ? ", not pictures" : "");
            return Finding.ok(sizes + fits);
        }
    }

    private static String environment(String name) {
        return Objects.requireNonNullElse(System.getenv(name), "");
    }

    private static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f GB", (double) bytes / GIGABYTE);
    }
}
