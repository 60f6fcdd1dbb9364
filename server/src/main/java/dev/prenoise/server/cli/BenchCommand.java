package dev.prenoise.server.cli;

import dev.prenoise.engine.LossBenchmark;
import dev.prenoise.tensor.Compute;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
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
    private final Console console;

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--device",
            paramLabel = "NAME",
            defaultValue = "cpu",
            description = "cpu, cuda, cuda:1 or mps. Default: ${DEFAULT-VALUE}.")
    private String device = "cpu";

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

    BenchCommand(Console console) {
        this.console = console;
        this.spec = CommandSpec.create();
    }

    @Override
    public Integer call() {
        if (rounds < 0 || stableDiffusionRounds < 0) {
            throw new ParameterException(spec.commandLine(), "--rounds and --sd15-rounds: negative (expected: >= 0)");
        }
        LossBenchmark benchmark = new LossBenchmark(console.out());
        if (rounds > 0) {
            benchmark.shapes(Compute.of(device), rounds);
        }
        if (stableDiffusionRounds > 0) {
            benchmark.stableDiffusion(Compute.of(device), stableDiffusionRounds);
        }
        return 0;
    }
}
