package dev.prenoise.server.cli;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.study.VerifierAgreement;
import dev.prenoise.training.ShapesVerifierTraining;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.function.Function;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code prenoise shapes}: what the built-in world is made of, made again and measured. */
@Command(
        name = "shapes",
        header = "Trains and measures the built-in world's verifiers.",
        synopsisSubcommandLabel = "COMMAND",
        sortOptions = false)
final class ShapesCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    /** With its commands. */
    static CommandLine line(Console console, Function<ModelOptions, ModelCatalog> models) {
        return new CommandLine(new ShapesCommand())
                .addSubcommand(new TrainVerifiers(console))
                .addSubcommand(new JudgeVerifiers(console, models));
    }

    @Override
    public Integer call() {
        spec.commandLine().usage(spec.commandLine().getOut());
        return 0;
    }

    /** Trains them. */
    @Command(
            name = "train-verifiers",
            header = "Makes shapes-clip and shapes-aesthetic again.",
            description = {
                "Trains on drawings by rule, on the CPU. DIR gets clip/ and aesthetic/, which are what ships, and run/ with the checkpoint and",
                "loss.csv. The defaults are what the shipped weights were made with."
            },
            sortOptions = false)
    static final class TrainVerifiers implements Callable<Integer> {
        private final Console console;

        @Option(
                names = {"-o", "--out"},
                paramLabel = "DIR",
                required = true,
                description = "Created when missing.")
        private Path out = Path.of("");

        @Option(names = "--resume", description = "Goes on from DIR's checkpoint where there is one.")
        private boolean resume;

        @Option(
                names = "--steps",
                paramLabel = "N",
                defaultValue = "" + ShapesVerifierTraining.STEPS,
                description = "Of the optimiser. Default: ${DEFAULT-VALUE}.")
        private int steps;

        @Option(
                names = "--batch",
                paramLabel = "N",
                defaultValue = "" + ShapesVerifierTraining.BATCH,
                description = "Pictures of a step, a multiple of 8. Default: ${DEFAULT-VALUE}.")
        private int batch;

        @Option(
                names = "--seed",
                paramLabel = "S",
                defaultValue = "" + ShapesVerifierTraining.SEED,
                description = "Of pictures, captions and starting weights. Default: ${DEFAULT-VALUE}.")
        private long seed;

        TrainVerifiers(Console console) {
            this.console = console;
        }

        @Override
        public Integer call() {
            try (ProgressBar bar = ProgressBar.builder()
                    .setTaskName("training")
                    .setInitialMax(steps)
                    .showSpeed()
                    .build()) {
                new ShapesVerifierTraining(steps, batch, seed).run(out, resume, bar::stepTo);
            }
            console.out().println(out.resolve("clip/model.safetensors"));
            console.out().println(out.resolve("aesthetic/head.safetensors"));
            return 0;
        }
    }

    /** Measures them. */
    @Command(
            name = "judge-verifiers",
            header = "Measures how well shapes-clip and shapes-aesthetic agree with the exact oracle.",
            description = {
                "On drawings that they never saw and on pictures that the built-in model draws for prompts made by rule. Writes pictures.csv and",
                "table.md into the output folder and prints the table. The same options give the same table."
            },
            sortOptions = false)
    static final class JudgeVerifiers implements Callable<Integer> {
        private final Console console;
        private final Function<ModelOptions, ModelCatalog> models;

        @Mixin
        private ModelOptions options = new ModelOptions();

        @Option(
                names = "--prompts",
                paramLabel = "N",
                defaultValue = "60",
                description = "Prompts, in turn from seven suites. Default: ${DEFAULT-VALUE}.")
        private int prompts;

        @Option(
                names = {"-n", "--candidates"},
                paramLabel = "N",
                defaultValue = "8",
                description = "Pictures for each prompt. Default: ${DEFAULT-VALUE}.")
        private int candidates;

        @Option(
                names = "--seed",
                paramLabel = "S",
                defaultValue = "1",
                description = "Of drawings, prompts, noises and intervals. Default: ${DEFAULT-VALUE}.")
        private long seed;

        @Option(
                names = {"-o", "--output"},
                paramLabel = "DIR",
                defaultValue = "prenoise-verifiers",
                description = "Default: ${DEFAULT-VALUE}.")
        private Path output = Path.of("prenoise-verifiers");

        JudgeVerifiers(Console console, Function<ModelOptions, ModelCatalog> models) {
            this.console = console;
            this.models = models;
        }

        @Override
        public Integer call() throws IOException {
            Tabled.run(
                    console,
                    models.apply(options),
                    "judging",
                    prompts,
                    output,
                    (catalog, progress) ->
                            new VerifierAgreement(catalog, seed, prompts, candidates).run(output, progress));
            return 0;
        }
    }
}
