package dev.prenoise.server.cli;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.server.queue.QueueOptions;
import dev.prenoise.shapes.ShapesModel;
import dev.prenoise.study.ShapesStudy;
import dev.prenoise.study.StudyFile;
import dev.prenoise.study.StudyRun;
import dev.prenoise.study.VerifierStudy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code prenoise study}: what losses, verifiers and searches are worth, on any backbone and prompts. */
@Command(
        name = "study",
        header = "Measures how often losses, verifiers and searches pick a noise whose picture is right.",
        description = {
            "A study file says which strategies are compared, on which prompts and models, up to which budget: docs/study.md. Its results,",
            "tables, curves and a report go to the output folder. losses and verifiers are two studies of fixed form on the built-in model,",
            "with options of their own; they print the tables of the README and of docs/results.md. The same study gives the same numbers;",
            "stopped in the middle, the same command goes on."
        },
        sortOptions = false)
final class StudyCommand implements Callable<Integer> {
    private static final String LOSSES = "losses";
    private static final String VERIFIERS = "verifiers";

    /** What says how a study file is run. */
    private static final String[] OF_FILES = {"--strategies", "--backbones", "--no-compute"};

    /** What says nothing without --queue. */
    private static final String[] QUEUE = {
        "--queue-name", "--queue-creds", "--queue-ca", "--queue-patience", "--queue-forgotten"
    };

    /** A worker speaks every second. */
    private static final int SHORTEST_FORGOTTEN = 3;

    private final Console console;
    private final Function<ModelOptions, ModelCatalog> models;

    @Spec
    private CommandSpec spec;

    @Mixin
    private ModelOptions options = new ModelOptions();

    @Parameters(
            arity = "0..1",
            paramLabel = "FILE.yaml|NAME",
            defaultValue = LOSSES,
            completionCandidates = Names.class,
            description = "A study file, or by name ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private String what = "";

    @Option(
            names = "--print",
            description = "Of a study that comes with the program: prints its file, to begin one of your own.")
    private boolean print;

    @Option(
            names = "--strategies",
            paramLabel = "NAME,...",
            description = {
                "Of a study file: only these of its strategies, by their names in its tables. One strategy a process measures the memory",
                "that it takes alone. May be given again. Default: all."
            })
    private List<String> strategies = new ArrayList<>();

    @Option(
            names = "--backbones",
            paramLabel = "NAME,...",
            description =
                    "Of a study file: only these of its backbones, by their names in its tables. May be given again. Default: all.")
    private List<String> backbones = new ArrayList<>();

    @Option(
            names = "--prompts",
            paramLabel = "N",
            defaultValue = "200",
            description = "Of losses and verifiers: prompts. Default: ${DEFAULT-VALUE}.")
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
            description = "Of losses and verifiers: of prompts, noises and intervals. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "DIR",
            defaultValue = "prenoise-study",
            description = "Default: ${DEFAULT-VALUE}.")
    private Path output = Path.of("prenoise-study");

    @Mixin
    private QueueAccess queue = new QueueAccess();

    @Option(
            names = "--no-compute",
            description = {
                "With --queue: this process offers the work and keeps the results; workers alone compute. --device then says what they compute on,",
                "which this machine need not have; where it is not given, it is what this machine would choose."
            })
    private boolean computesNothing;

    @Option(
            names = "--queue-forgotten",
            paramLabel = "SECONDS",
            defaultValue = "30",
            description =
                    "With --queue: after so long without a word from its worker a unit goes to another. Default: ${DEFAULT-VALUE}.")
    private int forgotten;

    private StudyCommand(Console console, Function<ModelOptions, ModelCatalog> models) {
        this.console = console;
        this.models = models;
        this.spec = CommandSpec.create();
    }

    /** With its commands. */
    static CommandLine line(Console console, Function<ModelOptions, ModelCatalog> models) {
        return new CommandLine(new StudyCommand(console, models))
                .addSubcommand(new StudyWorkCommand(console, models))
                .addSubcommand(new StudyDropCommand(console));
    }

    @Override
    public Integer call() throws Exception {
        if (what.equals(LOSSES) || what.equals(VERIFIERS)) {
            refuse(what, "a study file", OF_FILES);
            refuse(what, "a study file", QUEUE);
            refuse(what, "a study file", "--queue", "--print");
            if (what.equals(LOSSES)) {
                refuse(what, VERIFIERS, "--nfe", "--steps");
            } else {
                refuse(what, LOSSES, "--candidates");
            }
            Tabled.run(console, models.apply(options), "study", output, this::run);
        } else {
            refuse("a study file", "losses or verifiers", "--prompts", "--candidates", "--nfe", "--steps", "--seed");
            if (print) {
                refuse("--print", "a study that is run", OF_FILES);
                refuse("--print", "a study that is run", QUEUE);
                refuse("--print", "a study that is run", "--queue", "--output");
                console.out().print(shipped());
            } else {
                runFile();
            }
        }
        return 0;
    }

    private void runFile() throws Exception {
        if (computesNothing && !queue.isSet()) {
            throw new CliException("--no-compute: without --queue (expected: with it, as nobody would compute)");
        }
        String device = computesNothing ? options.deviceOfOthers() : "";
        StudyFileRun run = new StudyFileRun(
                console, () -> models.apply(options), device, plan -> plan.only(strategies, backbones));
        if (queue.isSet()) {
            run.run(what, output, new StudyQueueRun(console, access(), queue.name(), !computesNothing));
            return;
        }
        for (String option : QUEUE) {
            if (isGiven(option)) {
                throw new CliException(option + ": without --queue (expected: with it)");
            }
        }
        run.run(what, output);
    }

    private QueueOptions access() {
        if (forgotten < SHORTEST_FORGOTTEN) {
            throw new CliException(
                    "--queue-forgotten: " + forgotten + " (expected: >= " + SHORTEST_FORGOTTEN + " seconds)");
        }
        return queue.options(Duration.ofSeconds(forgotten));
    }

    private String shipped() {
        try {
            return StudyFile.shippedText(what);
        } catch (IllegalArgumentException e) {
            throw new CliException(String.valueOf(e.getMessage()), e);
        }
    }

    /**
     * @param here what the options do not go with
     * @param others what they go with
     */
    private void refuse(String here, String others, String... names) {
        for (String option : names) {
            if (isGiven(option)) {
                throw new CliException(option + ": with " + here + " (expected: with " + others + ")");
            }
        }
    }

    private boolean isGiven(String option) {
        return spec.commandLine().getParseResult().hasMatchedOption(option);
    }

    private void run(ModelCatalog catalog, StudyRun.Progress progress) {
        IntConsumer done = known -> progress.units(known, prompts);
        if (what.equals(LOSSES)) {
            new ShapesStudy(catalog.open(ShapesModel.ID), seed, prompts, candidates).run(output, done);
        } else {
            new VerifierStudy(catalog, seed, prompts, nfe, steps).run(output, done);
        }
    }

    static final class Names implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Stream.concat(Stream.of(LOSSES, VERIFIERS), StudyFile.shipped().stream())
                    .iterator();
        }
    }
}
