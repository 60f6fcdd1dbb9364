package dev.prenoise.engine;

import com.sun.management.OperatingSystemMXBean;
import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.attention.LossForm;
import dev.prenoise.attention.TokenGroup;
import dev.prenoise.backbone.AttentionSite;
import dev.prenoise.backbone.Conditioning;
import dev.prenoise.backbone.MapCollector;
import dev.prenoise.backbone.checkpoint.Checkpoint;
import dev.prenoise.backbone.checkpoint.CheckpointException;
import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.unet.UNetConfig.Level;
import dev.prenoise.engine.OperationShares.Kind;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.search.Evaluation;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleSupplier;
import java.util.stream.IntStream;

/**
 * Loss evaluations per second of one UNet at one size. Noise and text embeddings are drawn as {@code torch.manual_seed(s)} and {@code
 * torch.randn} draw them on the CPU (noise k by seed k, embeddings by seed 1), so that another program can do the same work.
 */
public final class LossBenchmark implements AutoCloseable {
    private static final double TIMESTEP = 981;

    /** Pixels to a latent pixel. */
    private static final int LATENT = 8;

    /** Noises that it draws: the largest batch. */
    public static final int NOISES = 4;

    private static final List<TokenGroup> NOUNS = List.of(TokenGroup.of(2), TokenGroup.of(5));

    /** CONFORM's published loss is 0 without two tokens of one subject. */
    private static final List<TokenGroup> ATTRIBUTES = List.of(TokenGroup.of(2), TokenGroup.of(5, 6));

    private final String title;
    private final UNet unet;
    private final Scope scope = new Scope();
    private final FirstStep step;
    private final int tokens;
    private final List<Noise> noises;

    private LossBenchmark(String title, UNet unet, int tokens, int stride, int rows, int columns) {
        this.title = title;
        this.unet = unet;
        this.tokens = tokens;
        Compute compute = unet.weights().compute();
        int width = unet.config().contextWidth();
        Tensor context = drawn(1, 1, tokens, width);
        step = new FirstStep(unet, conditioning(context), TIMESTEP, 1, rows / stride, columns / stride);
        noises = IntStream.range(0, NOISES)
                .mapToObj(seed -> normal(seed, 1, unet.config().inChannels(), rows, columns))
                .toList();
    }

    /** With what the network takes beside the embeddings: SDXL's pooled vector by seed 2, and the picture's size without any crop. */
    private Conditioning conditioning(Tensor context) {
        UNetConfig.Added added = unet.config().added();
        if (added == null) {
            return Conditioning.of(context);
        }
        float[] sizes = {1024, 1024, 0, 0, 1024, 1024};
        return new Conditioning(
                context, drawn(2, 1, added.pooledWidth()), Tensor.of(context.compute(), sizes, 1, sizes.length));
    }

    /** In the type that the network computes in. */
    private Tensor drawn(long seed, long... shape) {
        return Tensor.of(unet.weights().compute(), normal(seed, shape).data(), shape)
                .to(unet.weights().type());
    }

    private static Noise normal(long seed, long... shape) {
        return NoiseGenerator.generate(NoiseSource.TORCH_CPU, seed, shape);
    }

    /** A random UNet of Stable Diffusion 1.5's shape (3.4 GB of memory), at 512 x 512 pixels. */
    public static LossBenchmark stableDiffusion(Compute compute, Precision precision) {
        UNet unet = stableDiffusionUNet(compute, precision.network(compute));
        return new LossBenchmark("SD1.5 shape, 512 px", unet, 77, 4, 64, 64);
    }

    /** Of Stable Diffusion 1.5's shape, with random weights. */
    static UNet stableDiffusionUNet(Compute compute, DType type) {
        UNetConfig config = new UNetConfig(
                4,
                4,
                List.of(
                        Level.even(320, 8, 1, 2),
                        Level.even(640, 8, 1, 2),
                        Level.even(1280, 8, 1, 2),
                        Level.even(1280, 8, 0, 2)),
                768,
                32,
                1e-5,
                1,
                null,
                true,
                0);
        return new UNet(config, Weights.synthetic(compute, type, 1));
    }

    /** The built-in model's UNet shape and size, 64 x 64 pixels. */
    public static LossBenchmark shapes(Compute compute, Precision precision) {
        UNetConfig config = new UNetConfig(
                4,
                4,
                List.of(Level.even(48, 4, 1, 1), Level.even(96, 4, 1, 1), Level.even(96, 4, 0, 1)),
                96,
                16,
                1e-5,
                1,
                null,
                true,
                0);
        UNet unet = new UNet(config, Weights.synthetic(compute, precision.network(compute), 1));
        return new LossBenchmark("shapes, 64 px", unet, 24, 1, 16, 16);
    }

    /**
     * The UNet of a checkpoint on disk.
     *
     * @param side of the picture in pixels; 0 for the size that the model was trained on
     * @throws IllegalArgumentException when there is none, naming the file and the reason, or the side does not fit the network
     */
    public static LossBenchmark checkpoint(Path fileOrFolder, int side, Compute compute, Precision precision) {
        Checkpoint checkpoint;
        try {
            checkpoint = Checkpoint.open(fileOrFolder);
        } catch (CheckpointException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
        int pixels = side == 0 ? checkpoint.nativeSize() : side;
        int stride = checkpoint.card().attentionStride();
        int step = LATENT * stride;
        if (pixels < 2 * step || pixels % step != 0) {
            throw new IllegalArgumentException(
                    "size: " + pixels + " (expected: a multiple of " + step + " from " + 2 * step + ")");
        }
        UNet unet = new UNet(checkpoint.unetConfig(), checkpoint.unetWeights(compute, precision.network(compute)));
        String title =
                checkpoint.path().getFileName() + " (" + checkpoint.family().id() + "), " + pixels + " px";
        return new LossBenchmark(title, unet, 77, stride, pixels / LATENT, pixels / LATENT);
    }

    String title() {
        return title;
    }

    /** What a loss reads of the embeddings. */
    static List<TokenGroup> subjects(String loss) {
        return loss.equals("conform") ? ATTRIBUTES : NOUNS;
    }

    /** {@code [1, C, H, W]}. */
    long[] noiseShape() {
        return noises.get(0).shape();
    }

    /** All that the losses read of one noise. */
    AttentionMaps maps(Noise noise) {
        try (GradMode off = GradMode.off();
                Scope inner = new Scope();
                FirstStep.Maps maps = step.maps(Noises.stack(step.compute(), List.of(noise)), true)) {
            return maps.toArrays(1).get(0);
        }
    }

    // ---- variants side by side ----

    private record Variant(String name, int noises, Runnable body) {}

    /**
     * Truncated forward against full, batch 1 against 4, with gradient and without, by InitNO's loss, which reads most. The variants take turns,
     * so that a busy machine slows all of them alike; the numbers to read are the ratios.
     */
    public void compare(PrintStream out, int rounds) {
        AttentionLoss loss = AttentionLosses.of("initno", LossForm.RANKING);
        AttentionEvaluator single = new AttentionEvaluator(step, loss, loss, NOUNS, 1);
        AttentionEvaluator four = new AttentionEvaluator(step, loss, loss, NOUNS, NOISES);
        List<Noise> one = noises.subList(0, 1);
        List<Variant> variants = List.of(
                new Variant("truncated, batch 1", 1, () -> single.evaluate(one)),
                new Variant("truncated, batch 4", NOISES, () -> four.evaluate(noises)),
                new Variant("full, batch 1", 1, () -> full(one, loss)),
                new Variant("full, batch 4", NOISES, () -> full(noises, loss)),
                new Variant("truncated with gradient", 1, () -> single.evaluateWithGradient(one)));
        List<List<Double>> seconds = new ArrayList<>();
        variants.forEach(variant -> {
            variant.body().run();
            seconds.add(new ArrayList<>());
        });
        OperationShares shares = new OperationShares();
        for (int round = 0; round < rounds; round++) {
            for (int i = 0; i < variants.size(); i++) {
                Runnable body = variants.get(i).body();
                seconds.get(i)
                        .add(seconds(i == 0 ? () -> shares.during(body) : body)
                                / variants.get(i).noises());
            }
        }
        double base = median(seconds.get(0));
        out.printf(Locale.ROOT, "%n%s, %d threads, median of %d rounds%n", title, Compute.threads(), rounds);
        out.printf(Locale.ROOT, "%-34s %16s %22s%n", "", "evaluations/s", "time to the first row");
        for (int i = 0; i < variants.size(); i++) {
            double time = median(seconds.get(i));
            out.printf(Locale.ROOT, "%-34s %16.2f %21.2fx%n", variants.get(i).name(), 1 / time, time / base);
        }
        out.printf(
                Locale.ROOT,
                "time outside libtorch in the first row: %.1f %% (%d samples)%n",
                100 * shares.of(Kind.OUTSIDE),
                shares.samples());
    }

    /** The same maps from a forward pass that goes on to the prediction. */
    private void full(List<Noise> batch, AttentionLoss loss) {
        try (GradMode off = GradMode.off();
                Scope inner = new Scope();
                MapCollector maps = new MapCollector(sites(), step.rows(), step.columns(), true)) {
            unet.run(
                    Noises.stack(step.compute(), batch).like(step.conditioning().context()),
                    TIMESTEP,
                    step.conditioning(),
                    maps.toTheEnd());
            new FirstStep.Maps(maps, maps.cross(), maps.self(), step.rows(), step.columns())
                    .toArrays(batch.size())
                    .forEach(one -> loss.evaluate(one, NOUNS, false));
        }
    }

    // ---- where the time goes ----

    /**
     * The machine's own peaks, measured in between, the share of them that a truncated pass of one noise reaches, and where the rest goes. All by
     * processor time, so that what else the machine does falls out.
     */
    public void profile(PrintStream out, int rounds) {
        AttentionLoss loss = AttentionLosses.of("initno", LossForm.RANKING);
        AttentionEvaluator single = new AttentionEvaluator(step, loss, loss, NOUNS, 1);
        List<Noise> one = noises.subList(0, 1);
        Runnable body = () -> single.evaluate(one);
        body.run();
        OperationShares shares = new OperationShares();
        List<Double> seconds = new ArrayList<>();
        List<Double> matrix = new ArrayList<>();
        List<Double> convolution = new ArrayList<>();
        try (GradMode off = GradMode.off();
                Scope inner = new Scope()) {
            DoubleSupplier product = matrixPeak();
            DoubleSupplier convolve = convolutionPeak();
            for (int round = 0; round < rounds; round++) {
                matrix.add(product.getAsDouble());
                convolution.add(convolve.getAsDouble());
                seconds.add(processorSeconds(body));
                shares.during(body);
            }
        }
        double time = median(seconds);
        double peak = median(matrix);
        ForwardCost cost = cost();
        out.printf(Locale.ROOT, "%n%s, %d threads, median of %d rounds%n", title, Compute.threads(), rounds);
        out.printf(
                Locale.ROOT,
                "a truncated pass: %.3f TFLOP in %.2f s of processor time, %.0f GFLOP/s of one processor%n"
                        + "%.0f %% of the matrix peak (%.0f), %.0f %% of the convolution peak (%.0f)%n",
                cost.total() / 1e12,
                time,
                cost.total() / time / 1e9,
                100 * cost.total() / time / peak,
                peak / 1e9,
                100 * cost.total() / time / median(convolution),
                median(convolution) / 1e9);
        out.printf(Locale.ROOT, "%-42s %10s %10s %10s %10s%n", "", "time", "seconds", "GFLOP", "of matrix");
        for (Kind kind : Kind.values()) {
            double spent = shares.of(kind) * time;
            double flop = flop(cost, kind);
            if (spent > 0) {
                out.printf(
                        Locale.ROOT,
                        "%-42s %8.1f %% %10.3f %10s %10s%n",
                        kind.title(),
                        100 * shares.of(kind),
                        spent,
                        flop == 0 ? "" : String.format(Locale.ROOT, "%.1f", flop / 1e9),
                        flop == 0 ? "" : String.format(Locale.ROOT, "%.0f %%", 100 * flop / spent / peak));
            }
        }
        out.printf(Locale.ROOT, "(%d samples)%n", shares.samples());
    }

    private static double flop(ForwardCost cost, Kind kind) {
        return switch (kind) {
            case CONVOLUTION -> cost.convolutions();
            case LINEAR -> cost.linear();
            case ATTENTION -> cost.attention();
            case MAPS -> cost.maps();
            default -> 0;
        };
    }

    private ForwardCost cost() {
        List<AttentionSite> read = sites().stream()
                .filter(site -> site.rows() == step.rows() && site.columns() == step.columns())
                .toList();
        long[] shape = noises.get(0).shape();
        return ForwardCost.of(unet.config(), (int) shape[2], (int) shape[3], tokens, read);
    }

    /** Floating-point operations per processor-second of a square product of 3072, the best of three. */
    private DoubleSupplier matrixPeak() {
        int side = 3072;
        Tensor a = drawn(1, side, side);
        return () -> best(2.0 * side * side * side, () -> a.matmul(a));
    }

    /** Floating-point operations per processor-second of a 3 x 3 convolution of 640 channels over 64 x 64 positions, the best of three. */
    private DoubleSupplier convolutionPeak() {
        int side = 64;
        int width = 640;
        Tensor x = drawn(1, 1, width, side, side);
        Tensor weight = drawn(1, width, width, 3, 3);
        return () -> best(2.0 * side * side * 9 * width * width, () -> x.conv2d(weight, null, 1, 1));
    }

    private static double best(double flop, Runnable operation) {
        double least = Double.POSITIVE_INFINITY;
        for (int i = 0; i < 3; i++) {
            least = Math.min(least, processorSeconds(() -> {
                try (Scope inner = new Scope()) {
                    operation.run();
                }
            }));
        }
        return flop / least;
    }

    // ---- one evaluation for each line ----

    /**
     * Evaluates once for each line that comes in and answers with one line, {@code {"noise": 0, "loss": 1.25}}, so that another program can take
     * turns with another process. The noise changes from line to line; of a batch it is the first.
     *
     * @param loss by name, in its published form
     */
    public void answer(BufferedReader in, PrintStream out, String loss, boolean gradient, int batch)
            throws IOException {
        AttentionLoss published = AttentionLosses.of(loss, LossForm.PUBLISHED);
        List<TokenGroup> subjects = subjects(loss);
        AttentionEvaluator evaluator = new AttentionEvaluator(step, published, published, subjects, batch);
        out.printf(Locale.ROOT, "{\"ready\": \"%s\", \"threads\": %d}%n", loss, Compute.threads());
        out.flush();
        int next = 0;
        while (in.readLine() != null) {
            int first = next;
            List<Noise> chosen = IntStream.range(0, batch)
                    .mapToObj(i -> noises.get((first + i) % NOISES))
                    .toList();
            List<Evaluation> evaluations =
                    gradient ? evaluator.evaluateWithGradient(chosen) : evaluator.evaluate(chosen);
            out.printf(
                    Locale.ROOT,
                    "{\"noise\": %d, \"loss\": %.9g}%n",
                    first,
                    evaluations.get(0).score());
            out.flush();
            next = (next + batch) % NOISES;
        }
    }

    /** The largest resident memory that this process ever had, mapped weights included, in bytes; 0 where the system does not say. */
    public static long peakMemory() {
        Path status = Path.of("/proc/self/status");
        try {
            return !Files.exists(status)
                    ? 0
                    : Files.readAllLines(status).stream()
                            .filter(line -> line.startsWith("VmHWM:"))
                            .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
                            .findFirst()
                            .orElse(0);
        } catch (IOException e) {
            return 0;
        }
    }

    private List<AttentionSite> sites() {
        long[] shape = noises.get(0).shape();
        return unet.sites(Math.toIntExact(shape[2]), Math.toIntExact(shape[3]));
    }

    private static double seconds(Runnable body) {
        long start = System.nanoTime();
        body.run();
        return (System.nanoTime() - start) * 1e-9;
    }

    /** Of the whole process, user and system: all threads of libtorch together. */
    private static double processorSeconds(Runnable body) {
        OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long start = system.getProcessCpuTime();
        body.run();
        return Math.max(1e-3, (system.getProcessCpuTime() - start) * 1e-9);
    }

    private static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        int n = sorted.size();
        return (sorted.get((n - 1) / 2) + sorted.get(n / 2)) / 2;
    }

    @Override
    public void close() {
        scope.close();
        unet.close();
    }
}
