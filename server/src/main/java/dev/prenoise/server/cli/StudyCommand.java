package dev.prenoise.server.cli;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.ShapesStudy;
import dev.prenoise.engine.VerifierStudy;
import dev.prenoise.shapes.ShapesModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.function.IntConsumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code prenoise study}: what losses, or verifiers and searches, are worth on the built-in model, judged exactly. */
@Command(
        name = "study",
        header = "Measures what losses, or verifiers and searches, are worth.",
        description = {
            "On the built-in model, whose pictures an exact oracle judges, over prompts made by rule. losses: how often each loss picks",
            "a noise whose picture shows what was asked; writes candidates.csv and table.md into the output folder. verifiers: every",
            "verifier with every search at equal budgets; writes rows.tsv, table.md and curves.svg. Prints the table. The same options",
            "give the same table; stopped in the middle, the same command goes on."
        },
        sortOptions = false)
final class StudyCommand implements Callable<Integer> {
    private final Console console;
    private final Function<ModelOptions, ModelCatalog> models;

    @Mixin
    private ModelOptions options = new ModelOptions();

    @Parameters(
            arity = "0..1",
            paramLabel = "WHAT",
            defaultValue = "losses",
            description = "losses or verifiers. Default: ${DEFAULT-VALUE}.")
    private String what = "";

    @Option(
            names = "--prompts",
            paramLabel = "N",
            defaultValue = "200",
            description = "Prompts. Default: ${DEFAULT-VALUE}.")
    private int prompts;

    @Option(
            names = {"-n", "--candidates"},
            paramLabel = "N",
            defaultValue = "32",
            description = "Of losses: noises for each prompt. Default: ${DEFAULT-VALUE}.")
    private int candidates;

    @Option(
            names = "--nfe",
            paramLabel = "N",
            defaultValue = "320",
            description =
                    "Of verifiers: what each search may spend on a prompt, in denoiser calls. Default: ${DEFAULT-VALUE}.")
    private int nfe;

    @Option(
            names = "--steps",
            paramLabel = "N",
            defaultValue = "10",
            description = "Of verifiers: sampling steps of every picture. Default: ${DEFAULT-VALUE}.")
    private int steps;

    @Option(
            names = "--seed",
            paramLabel = "S",
            defaultValue = "1",
            description = "Of prompts, noises and intervals. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "DIR",
            defaultValue = "prenoise-study",
            description = "Default: ${DEFAULT-VALUE}.")
    private Path output = Path.of("prenoise-study");

    StudyCommand(Console console, Function<ModelOptions, ModelCatalog> models) {
        this.console = console;
        this.models = models;
    }

    @Override
    public Integer call() throws IOException {
        Tabled.run(console, models.apply(options), "study", prompts, output, this::run);
        return 0;
    }

    private void run(ModelCatalog catalog, IntConsumer progress) {
        switch (what) {
            case "losses" ->
                new ShapesStudy(catalog.open(ShapesModel.ID), seed, prompts, candidates).run(output, progress);
            case "verifiers" -> new VerifierStudy(catalog, seed, prompts, nfe, steps).run(output, progress);
            default -> throw new CliException("study: \"" + what + "\" (expected: losses or verifiers)");
        }
    }
}
