package dev.prenoise.server.cli;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.UnknownBackboneException;
import dev.prenoise.server.ops.ProductVersion;
import dev.prenoise.shapes.PromptSuite;
import dev.prenoise.shapes.ShapesModel;
import dev.prenoise.study.ModelComparison;
import dev.prenoise.study.VerifierAgreement;
import dev.prenoise.training.ShapesModelTraining;
import dev.prenoise.training.ShapesVerifierTraining;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Function;
import me.tongfei.progressbar.ProgressBar;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code prenoise shapes}: what the built-in world is made of, made again and measured. */
@Command(
        name = "shapes",
        header = "Trains and measures what is built in: diffusion models and verifiers.",
        synopsisSubcommandLabel = "COMMAND",
        sortOptions = false)
final class ShapesCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    /** With its commands. */
    static CommandLine line(Console console, Function<ModelOptions, ModelCatalog> models) {
        return new CommandLine(new ShapesCommand())
                .addSubcommand(new Train(console))
                .addSubcommand(new JudgeModels(console, models))
                .addSubcommand(new TrainVerifiers(console))
                .addSubcommand(new JudgeVerifiers(console, models));
    }

    @Override
    public Integer call() {
        spec.commandLine().usage(spec.commandLine().getOut());
        return 0;
    }

    /** Where a training run leaves what it makes. */
    static final class RunFolder {
        @Option(
                names = {"-o", "--out"},
                paramLabel = "DIR",
                required = true,
                description = "Created when missing.")
        private Path out = Path.of("");

        @Option(
                names = "--resume",
                description =
                        "Goes on from DIR's checkpoint where there is one; without this a DIR that has a checkpoint is refused.")
        private boolean resume;
    }

    /** What is drawn, judged and put into a table. */
    static final class Judging {
        private final Console console;
        private final Function<ModelOptions, ModelCatalog> models;

        @Option(
                names = "--seed",
                paramLabel = "S",
                defaultValue = "1",
                description = "Of all that is drawn, and of intervals. Default: ${DEFAULT-VALUE}.")
        private long seed;

        @Option(
                names = {"-o", "--output"},
                paramLabel = "DIR",
                description = "Goes on from what is there. Default: ${DEFAULT-VALUE}.")
        private Path output;

        /**
         * @param output where nothing else is asked for
         */
        Judging(Console console, Function<ModelOptions, ModelCatalog> models, String output) {
            this.console = console;
            this.models = models;
            this.output = Path.of(output);
        }

        int run(ModelOptions options, Tabled.Work work) throws IOException, InterruptedException {
            try {
                Tabled.run(console, models.apply(options), "judging", output, work);
            } catch (IllegalArgumentException | UnknownBackboneException e) {
                throw new CliException(String.valueOf(e.getMessage()), e);
            }
            return 0;
        }
    }

    /** Trains a diffusion model. */
    @Command(
            name = "train",
            header = "Makes a diffusion model of the built-in world.",
            description = {
                "Trains a UNet on drawings by rule, on the CPU; text encoder and autoencoder are the shipped model's and stay as they are. DIR gets",
                "the model in diffusers layout, as of the last checkpoint while training goes on, which --backbone DIR reads; and run/ with the",
                "checkpoint, loss.csv and the encoded drawings."
            },
            sortOptions = false)
    static final class Train implements Callable<Integer> {
        private final Console console;

        @Mixin
        private RunFolder folder = new RunFolder();

        @Option(
                names = "--steps",
                paramLabel = "N",
                defaultValue = "20000",
                description = {
                    "Of the optimiser. Default: ${DEFAULT-VALUE}. With --resume it may be another number than before as long as the last quarter,",
                    "in which the rate falls, has not begun in either, and both are at least 800: a shorter run warms up in fewer steps."
                })
        private int steps;

        @Option(
                names = "--batch",
                paramLabel = "N",
                defaultValue = "32",
                description = "Pictures of a step, even. Default: ${DEFAULT-VALUE}.")
        private int batch;

        @Option(
                names = "--channels",
                paramLabel = "N",
                split = ",",
                description = "Of the UNet's levels, 16 x 16 first; multiples of 16. Default: 48,96,96, or MODEL's.")
        private List<Integer> channels = List.of();

        @Option(
                names = "--prediction",
                paramLabel = "WHAT",
                defaultValue = "epsilon",
                description = "epsilon or v_prediction. Default: ${DEFAULT-VALUE}.")
        private String prediction = "epsilon";

        @Option(
                names = "--from",
                paramLabel = "MODEL",
                description = "A folder in diffusers layout to go on from with all its parts. Default: fresh weights.")
        private @Nullable Path from;

        @Option(
                names = "--scenes",
                paramLabel = "N",
                defaultValue = "16384",
                description = "Drawn and encoded once, captions anew each time. Default: ${DEFAULT-VALUE}.")
        private int scenes;

        @Option(
                names = "--seed",
                paramLabel = "S",
                defaultValue = "20261121",
                description = "Of all that is drawn. Default: ${DEFAULT-VALUE}.")
        private long seed;

        Train(Console console) {
            this.console = console;
        }

        @Override
        public Integer call() {
            List<Integer> widths = channels.isEmpty() && from == null ? List.of(48, 96, 96) : channels;
            try (Bars bars = new Bars(scenes, steps)) {
                new ShapesModelTraining(
                                new ShapesModelTraining.Recipe(steps, batch, widths, prediction, scenes, seed), from)
                        .run(folder.out, folder.resume, bars);
            } catch (IllegalArgumentException e) {
                throw new CliException(String.valueOf(e.getMessage()), e);
            }
            console.out().println(folder.out);
            return 0;
        }

        /** One bar after the other, each from its first news on. */
        private static final class Bars implements ShapesModelTraining.Progress, AutoCloseable {
            private final int scenes;
            private final int steps;
            private @Nullable ProgressBar encoding;
            private @Nullable ProgressBar training;

            Bars(int scenes, int steps) {
                this.scenes = scenes;
                this.steps = steps;
            }

            @Override
            public void encoded(int done) {
                if (encoding == null) {
                    encoding = bar("encoding", scenes, 0);
                }
                encoding.stepTo(done);
                if (done == scenes) {
                    encoding.close();
                }
            }

            @Override
            public void trained(int done) {
                if (training == null) {
                    training = bar("training", steps, done - 1);
                }
                training.stepTo(done);
            }

            private static ProgressBar bar(String task, int most, int done) {
                return ProgressBar.builder()
                        .setTaskName(task)
                        .setInitialMax(most)
                        .startsFrom(done, Duration.ZERO)
                        .showSpeed()
                        .build();
            }

            @Override
            public void close() {
                if (encoding != null) {
                    encoding.close();
                }
                if (training != null) {
                    training.close();
                }
            }
        }
    }

    /** Measures diffusion models. */
    @Command(
            name = "judge",
            header = "Measures by the exact oracle how good diffusion models of the built-in world are.",
            description = {
                "All draw the same prompts from the same plain seeds. Writes rows.jsonl, pictures.csv and table.md into the output folder and prints",
                "the table. Stopped in the middle, the same command goes on: what rows.jsonl has of the same version, device and weights is not drawn",
                "again. The same options give the same table."
            },
            sortOptions = false)
    static final class JudgeModels implements Callable<Integer> {
        @Mixin
        private ModelOptions options = new ModelOptions();

        @Option(
                names = "--backbone",
                paramLabel = "ID",
                split = ",",
                description =
                        "A model's id, or its folder. May be given again; the first is what others are compared to. Default: shapes.")
        private List<String> backbones = List.of(ShapesModel.ID);

        @Option(
                names = "--suite",
                paramLabel = "NAME",
                split = ",",
                completionCandidates = Suites.class,
                description = "${COMPLETION-CANDIDATES}. May be given again. Default: all.")
        private List<String> suites = List.of();

        @Option(
                names = "--prompts",
                paramLabel = "N",
                defaultValue = "30",
                description =
                        "Of each suite, no more than it has (shape_shape 56, counting 64). Default: ${DEFAULT-VALUE}.")
        private int prompts;

        @Option(
                names = {"-n", "--candidates"},
                paramLabel = "N",
                defaultValue = "4",
                description = "Pictures of each prompt. Default: ${DEFAULT-VALUE}.")
        private int candidates;

        @Mixin
        private final Judging judging;

        JudgeModels(Console console, Function<ModelOptions, ModelCatalog> models) {
            judging = new Judging(console, models, "prenoise-models");
        }

        @Override
        public Integer call() throws IOException, InterruptedException {
            List<PromptSuite> chosen = suites.isEmpty()
                    ? List.of(PromptSuite.values())
                    : suites.stream().map(JudgeModels::suite).toList();
            List<String> ids = new ArrayList<>();
            for (String backbone : backbones) {
                ids.add(options.model(backbone));
            }
            return judging.run(options, (catalog, progress) -> new ModelComparison(
                            catalog, ProductVersion.get(), ids, chosen, judging.seed, prompts, candidates)
                    .run(judging.output, progress));
        }

        private static PromptSuite suite(String name) {
            return Arrays.stream(PromptSuite.values())
                    .filter(suite -> suite.id().equals(name))
                    .findFirst()
                    .orElseThrow(() -> new CliException(
                            "--suite: \"" + name + "\" (expected: one of " + String.join(", ", new Suites()) + ")"));
        }

        static final class Suites implements Iterable<String> {
            @Override
            public Iterator<String> iterator() {
                return Arrays.stream(PromptSuite.values()).map(PromptSuite::id).iterator();
            }
        }
    }

    /** Trains the verifiers. */
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

        @Mixin
        private RunFolder folder = new RunFolder();

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
                new ShapesVerifierTraining(steps, batch, seed).run(folder.out, folder.resume, bar::stepTo);
            } catch (IllegalArgumentException e) {
                throw new CliException(String.valueOf(e.getMessage()), e);
            }
            console.out().println(folder.out.resolve("clip/model.safetensors"));
            console.out().println(folder.out.resolve("aesthetic/head.safetensors"));
            return 0;
        }
    }

    /** Measures the verifiers. */
    @Command(
            name = "judge-verifiers",
            header = "Measures how well shapes-clip and shapes-aesthetic agree with the exact oracle.",
            description = {
                "On drawings that they never saw and on pictures that the built-in model draws for prompts made by rule. Writes pictures.csv and",
                "table.md into the output folder and prints the table. The same options give the same table."
            },
            sortOptions = false)
    static final class JudgeVerifiers implements Callable<Integer> {
        @Mixin
        private ModelOptions options = new ModelOptions();

        @Option(
                names = "--prompts",
                paramLabel = "N",
                defaultValue = "60",
                description = "Prompts, in turn from seven suites; 392 at most. Default: ${DEFAULT-VALUE}.")
        private int prompts;

        @Option(
                names = {"-n", "--candidates"},
                paramLabel = "N",
                defaultValue = "8",
                description = "Pictures for each prompt. Default: ${DEFAULT-VALUE}.")
        private int candidates;

        @Mixin
        private final Judging judging;

        JudgeVerifiers(Console console, Function<ModelOptions, ModelCatalog> models) {
            judging = new Judging(console, models, "prenoise-verifiers");
        }

        @Override
        public Integer call() throws IOException, InterruptedException {
            return judging.run(
                    options, (catalog, progress) -> new VerifierAgreement(catalog, judging.seed, prompts, candidates)
                            .run(judging.output, done -> progress.units(done, prompts)));
        }
    }
}
