package dev.prenoise.server.cli;

import dev.prenoise.engine.Parity;
import dev.prenoise.engine.Parity.Difference;
import dev.prenoise.engine.Precision;
import dev.prenoise.tensor.Compute;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code prenoise parity}: how far this machine's results lie from a reference's. */
@Command(
        name = "parity",
        header = "Holds a checkpoint's results on this machine to a reference's.",
        description = {
            "Runs FOLDER/checkpoint.safetensors on the inputs in FOLDER/expected.safetensors and prints how far predictions, attention "
                    + "maps, text embeddings and pictures lie from what the reference computed. src/tools/parity/full_size.py makes such folders."
        },
        sortOptions = false)
final class ParityCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(index = "0", paramLabel = "FOLDER", description = "Holds the checkpoint and what is expected of it.")
    private Path folder = Path.of("");

    @Option(
            names = "--device",
            paramLabel = "NAME",
            defaultValue = "cpu",
            description = "auto, cpu, cuda, cuda:1 or mps. Default: ${DEFAULT-VALUE}.")
    private String device = "cpu";

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            defaultValue = "auto",
            converter = ModelOptions.PrecisionConverter.class,
            description =
                    "What UNet and text encoders are computed in: fp16, bf16, fp32 or auto (fp16 on a GPU, fp32 on a CPU). Default: ${DEFAULT-VALUE}.")
    private Precision precision = Precision.AUTO;

    ParityCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        List<Difference> differences = Parity.of(folder, compute(), precision);
        row("", "largest", "as a share", "mean", "largest value");
        for (Difference difference : differences) {
            row(
                    difference.what(),
                    scientific(difference.largest()),
                    scientific(difference.largest() / difference.scale()),
                    scientific(difference.mean()),
                    scientific(difference.scale()));
        }
        console.out().flush();
        return 0;
    }

    private Compute compute() {
        try {
            return Compute.of(device);
        } catch (IllegalArgumentException e) {
            throw new CliException("--" + e.getMessage(), e);
        }
    }

    private void row(String... columns) {
        console.out()
                .println(String.format(Locale.ROOT, "%-14s%12s%12s%12s%15s", (Object[]) columns)
                        .stripTrailing());
    }

    private static String scientific(double value) {
        return String.format(Locale.ROOT, "%.1e", value);
    }
}
