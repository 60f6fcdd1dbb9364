package dev.prenoise.server.cli;

import dev.prenoise.engine.LossBenchmark;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.server.ops.StreamBenchmark;
import dev.prenoise.tensor.Compute;
import java.util.concurrent.Callable;
import java.util.function.Function;
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
            names = "--stream-rounds",
            paramLabel = "N",
            defaultValue = "10",
            description =
                    "Searches of 64 candidates over gRPC on loopback against the engine alone. Default: ${DEFAULT-VALUE}.")
    private int streamRounds;

    BenchCommand(Console console, Function<ModelOptions, ModelCatalog> models) {
        this.console = console;
        this.models = models;
        this.spec = CommandSpec.create();
    }

    @Override
    public Integer call() {
        if (rounds < 0 || stableDiffusionRounds < 0 || streamRounds < 0) {
            throw new ParameterException(
                    spec.commandLine(), "--rounds, --sd15-rounds, --stream-rounds: negative (expected: >= 0)");
        }
        LossBenchmark benchmark = new LossBenchmark(console.out());
        Compute compute = Compute.of(options.device().isEmpty() ? "cpu" : options.device());
        if (rounds > 0) {
            benchmark.shapes(compute, rounds);
        }
        if (streamRounds > 0) {
            try (ModelCatalog catalog = models.apply(options)) {
                new StreamBenchmark(console.out())
                        .run(catalog, "a red circle and a blue square", STREAM_EVALUATIONS, streamRounds);
            }
        }
        if (stableDiffusionRounds > 0) {
            benchmark.stableDiffusion(compute, stableDiffusionRounds);
        }
        return 0;
    }
}
