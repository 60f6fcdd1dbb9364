package dev.prenoise.server.cli;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.ShapesStudy;
import dev.prenoise.shapes.ShapesModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.function.Function;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code prenoise study}: how often each loss picks a noise whose picture shows what the prompt asks for, judged exactly. */
@Command(
        name = "study",
        header = "Measures how often each loss picks a noise whose picture shows what was asked.",
        description = {
            "On the built-in model, whose pictures an exact oracle judges, over prompts made by rule. Writes candidates.csv and",
            "table.md into the output folder and prints the table. The same options give the same table; stopped in the",
            "middle, the same command goes on."
        },
        sortOptions = false)
final class StudyCommand implements Callable<Integer> {
    private final Console console;
    private final Function<ModelOptions, ModelCatalog> models;

    @Mixin
    private ModelOptions options = new ModelOptions();

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
            description = "Noises for each prompt. Default: ${DEFAULT-VALUE}.")
    private int candidates;

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
        try (ModelCatalog catalog = models.apply(options);
                ProgressBar bar = ProgressBar.builder()
                        .setTaskName("study")
                        .setInitialMax(prompts)
                        .showSpeed()
                        .build()) {
            new ShapesStudy(catalog.open(ShapesModel.ID), seed, prompts, candidates).run(output, bar::stepTo);
        }
        console.out().print(Files.readString(output.resolve("table.md")));
        return 0;
    }
}
