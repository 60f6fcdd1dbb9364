package dev.prenoise.server.cli;

import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.engine.LossBenchmark;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.PictureCost;
import dev.prenoise.engine.Precision;
import dev.prenoise.engine.PrecisionAgreement;
import dev.prenoise.engine.VerifierBenchmark;
import dev.prenoise.server.ops.StreamBenchmark;
import dev.prenoise.tensor.Compute;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code prenoise bench}: loss evaluations per second, side by side. */
@Command(
        name = "bench",
        header = "Measures loss evaluations per second on this machine.",
        description = {
            "Truncated against full forward passes, batch 1 against 4, with gradient and without, taking turns in one run:",
            "the ratios are what to read. Weights are random; cost does not depend on them."
        },
        sortOptions = false)
final class BenchCommand implements Callable<Integer> {
    private static final int STREAM_EVALUATIONS = 64;
    private static final int PICTURES = 256;
    private static final int AGREEMENT_PROMPTS = 20;
    private static final String GRADIENT = ":gradient";

    private final Console console;
    private final Function<ModelOptions, ModelCatalog> models;

    @Spec
    private CommandSpec spec;

    @Mixin
    private ModelOptions options = new ModelOptions();

    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "30",
            description = "Turns of each variant on the built-in model's shape. Default: ${DEFAULT-VALUE}.")
    private int rounds;

    @Option(
            names = "--sd15-rounds",
            paramLabel = "N",
            defaultValue = "0",
            description =
                    "Turns on a random UNet of Stable Diffusion 1.5's shape at 512 px: 4 GB of memory, minutes on a CPU. Default: ${DEFAULT-VALUE}.")
    private int stableDiffusionRounds;

    @Option(
            names = "--checkpoint",
            paramLabel = "PATH",
            description =
                    "A model on disk instead: measures its UNet and nothing else, --rounds turns of each variant.")
    private @Nullable Path checkpoint;

    @Option(
            names = "--size",
            paramLabel = "PIXELS",
            defaultValue = "0",
            description = "Side of the pictures that --checkpoint is measured at. Default: what it was trained on.")
    private int size;

    @Option(
            names = "--profile",
            description =
                    "Prints the machine's matrix and convolution peaks, the share of them that a loss evaluation reaches, and where the rest goes.")
    private boolean profile;

    @Option(
            names = "--answer",
            paramLabel = "LOSS",
            description = {
                "Evaluates LOSS (its published form) once for each line of the standard input, and answers with a line.",
                "LOSS:gradient takes the gradient as well. For measuring beside another program."
            })
    private @Nullable String answer;

    @Option(
            names = "--agreement",
            paramLabel = "N",
            description = {
                "Scores N noises in --dtype and in fp32 and says how far the orders agree: of 20 prompts on the built-in model,",
                "or with --checkpoint on that one's UNet. --dtype says what is held against fp32."
            })
    private @Nullable Integer agreement;

    @Option(
            names = "--batch",
            paramLabel = "N",
            defaultValue = "1",
            description = "Noises in one pass of --answer, pictures in one of --verifier. Default: ${DEFAULT-VALUE}.")
    private int batch;

    @Option(
            names = "--verifier",
            paramLabel = "NAME",
            description = {
                "Scores --batch pictures of 512 px by a verifier once for each line of the standard input, and answers with a line.",
                "For measuring beside another program."
            })
    private @Nullable String verifier;

    @Option(
            names = "--stream-rounds",
            paramLabel = "N",
            defaultValue = "10",
            description =
                    "Searches of 64 candidates over gRPC on loopback against the engine alone. Default: ${DEFAULT-VALUE}.")
    private int streamRounds;

    @Option(
            names = "--pictures",
            paramLabel = "N",
            defaultValue = "0",
            description =
                    "Batches of the built-in model's pictures: the time of denoising, decoding and verifying. Default: ${DEFAULT-VALUE}.")
    private int pictures;

    @Option(
            names = "--sd15-pictures",
            paramLabel = "N",
            defaultValue = "0",
            description =
                    "The same of Stable Diffusion 1.5's shape at 512 px with a ViT-L/14: 6 GB of memory, minutes on a CPU. Default: ${DEFAULT-VALUE}.")
    private int stableDiffusionPictures;

    @Option(
            names = "--peer-rounds",
            paramLabel = "N",
            defaultValue = "0",
            description = {
                "Searches on the built-in model by a sidecar with 0, 1 and 3 peers on this machine, each a process with one thread",
                "of libtorch: candidates per second. Measures nothing else. Default: ${DEFAULT-VALUE}."
            })
    private int peerRounds;

    BenchCommand(Console console, Function<ModelOptions, ModelCatalog> models) {
        this.console = console;
        this.models = models;
        this.spec = CommandSpec.create();
    }

    @Override
    public Integer call() throws IOException {
        if (rounds < 0
                || stableDiffusionRounds < 0
                || streamRounds < 0
                || pictures < 0
                || stableDiffusionPictures < 0
                || peerRounds < 0) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--rounds, --sd15-rounds, --stream-rounds, --pictures, --sd15-pictures, --peer-rounds: negative (expected: >= 0)");
        }
        if (answer != null) {
            requireLoss(answer);
        }
        if (verifier != null) {
            return score(verifier);
        }
        if (batch < 1 || batch > LossBenchmark.NOISES) {
            throw new ParameterException(
                    spec.commandLine(), "--batch: " + batch + " (expected: 1 to " + LossBenchmark.NOISES + ")");
        }
        if (peerRounds > 0) {
            new PeerBenchmark(console.out()).run(peerRounds);
            return 0;
        }
        Compute compute = Compute.of(options.device().isEmpty() ? "cpu" : options.device());
        if (agreement != null) {
            return agree(agreement, compute);
        }
        if (checkpoint != null || answer != null) {
            try (LossBenchmark benchmark = checkpoint == null
                    ? LossBenchmark.stableDiffusion(compute, options.precision())
                    : open(checkpoint, compute)) {
                one(benchmark, rounds);
            }
            return 0;
        }
        if (rounds > 0) {
            try (LossBenchmark benchmark = LossBenchmark.shapes(compute, options.precision())) {
                one(benchmark, rounds);
            }
        }
        if (streamRounds > 0) {
            try (ModelCatalog catalog = models.apply(options)) {
                new StreamBenchmark(console.out())
                        .run(catalog, "a red circle and a blue square", STREAM_EVALUATIONS, streamRounds);
            }
        }
        if (pictures > 0) {
            try (ModelCatalog catalog = models.apply(options)) {
                new PictureCost(console.out()).builtIn(catalog, pictures);
            }
        }
        if (stableDiffusionPictures > 0) {
            new PictureCost(console.out()).stableDiffusion(compute, stableDiffusionPictures);
        }
        if (stableDiffusionRounds > 0) {
            try (LossBenchmark benchmark = LossBenchmark.stableDiffusion(compute, options.precision())) {
                one(benchmark, stableDiffusionRounds);
            }
        }
        return 0;
    }

    private int agree(int candidates, Compute compute) {
        if (candidates < 2) {
            throw new ParameterException(spec.commandLine(), "--agreement: " + candidates + " (expected: >= 2 noises)");
        }
        Compute scored = checkpoint == null && options.device().isEmpty() ? Compute.best() : compute;
        if (options.precision().isFloat32(scored)) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--dtype: "
                            + (options.precision() == Precision.AUTO ? "auto, fp32 on " + scored.name() : "fp32")
                            + " (expected: fp16 or bf16, to hold against fp32)");
        }
        PrecisionAgreement compared = new PrecisionAgreement(console.out(), options.precision(), candidates);
        if (checkpoint == null) {
            compared.builtIn(options.catalog(), AGREEMENT_PROMPTS);
            return 0;
        }
        try {
            compared.unet(checkpoint, size, compute);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), "--checkpoint: " + e.getMessage(), e);
        }
        return 0;
    }

    private int score(String name) throws IOException {
        if (batch < 1 || batch > PICTURES) {
            throw new ParameterException(
                    spec.commandLine(), "--batch: " + batch + " (expected: 1 to " + PICTURES + ")");
        }
        try (ModelCatalog catalog = models.apply(options)) {
            String resolved;
            try {
                resolved = catalog.verifiers().resolve("--verifier", name, "");
            } catch (InvalidFieldException e) {
                throw new ParameterException(spec.commandLine(), e.getMessage(), e);
            }
            VerifierBenchmark.answer(input(), console.out(), catalog.verifiers(), resolved, batch);
        }
        return 0;
    }

    private static BufferedReader input() {
        return new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    }

    private LossBenchmark open(Path path, Compute compute) {
        try {
            return LossBenchmark.checkpoint(path, size, compute, options.precision());
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), "--checkpoint: " + e.getMessage(), e);
        }
    }

    private void requireLoss(String job) {
        List<String> jobs = AttentionLosses.names().stream()
                .flatMap(name -> Stream.of(name, name + GRADIENT))
                .toList();
        if (!jobs.contains(job)) {
            throw new ParameterException(
                    spec.commandLine(), "--answer: " + job + " (expected: one of " + String.join(", ", jobs) + ")");
        }
    }

    private void one(LossBenchmark benchmark, int turns) throws IOException {
        if (answer != null) {
            boolean gradient = answer.endsWith(GRADIENT);
            String loss = gradient ? answer.substring(0, answer.length() - GRADIENT.length()) : answer;
            benchmark.answer(input(), console.out(), loss, gradient, batch);
        } else if (profile) {
            benchmark.profile(console.out(), turns);
        } else {
            benchmark.compare(console.out(), turns);
        }
        console.out().printf(Locale.ROOT, "peak memory of this process: %.2f GB%n", LossBenchmark.peakMemory() / 1e9);
    }
}
