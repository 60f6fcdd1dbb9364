package dev.prenoise.server.cli;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.server.ops.ProductVersion;
import java.io.PrintWriter;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.RunLast;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command line's entry. Whatever fails is one line on standard error and exit code 2; {@code --verbose} adds the stack trace. */
@Command(
        name = "prenoise",
        header = "Finds better initial noise for text-to-image diffusion.",
        synopsisSubcommandLabel = "COMMAND",
        versionProvider = Main.Versions.class,
        footer = {"", "First: prenoise optimize \"a red circle and a blue square\""})
public final class Main {
    static final int FAILED = 2;

    private final Console console;

    @Option(
            names = {"-v", "--verbose"},
            scope = ScopeType.INHERIT,
            description = "More log lines, and stack traces of errors.")
    private boolean verbose;

    @Option(
            names = {"-h", "--help"},
            scope = ScopeType.INHERIT,
            usageHelp = true,
            description = "Shows this help.")
    private boolean help;

    @Option(
            names = {"-V", "--version"},
            versionHelp = true,
            description = "Shows the version.")
    private boolean version;

    private Main(Console console) {
        this.console = console;
    }

    public static void main(String[] arguments) {
        Console console = Console.ofProcess();
        System.exit(run(console, Models::open, arguments));
    }

    /**
     * @param models the models of this process: the built-in one and those in the folders
     * @return the exit code
     */
    static int run(Console console, Function<ModelOptions, ModelCatalog> models, String... arguments) {
        return run(console, models, options -> LocalService.start(models.apply(options)), arguments);
    }

    /**
     * @param local starts the service in this process, for commands without {@code --target}
     */
    static int run(
            Console console,
            Function<ModelOptions, ModelCatalog> models,
            Function<ModelOptions, Service> local,
            String... arguments) {
        Main main = new Main(console);
        CommandLine line = new CommandLine(main)
                .addSubcommand(new OptimizeCommand(console, local))
                .addSubcommand(new ScoreCommand(console, local))
                .addSubcommand(new ServeCommand(console, models))
                .addSubcommand(new CapabilitiesCommand(console, local))
                .addSubcommand(new DoctorCommand(console, local, models))
                .addSubcommand(new BenchCommand(console, models))
                .addSubcommand(StudyCommand.line(console, models))
                .addSubcommand(new ParityCommand(console))
                .addSubcommand(ShapesCommand.line(console, models))
                .setExpandAtFiles(false)
                .setAbbreviatedOptionsAllowed(false)
                .setUsageHelpAutoWidth(true)
                .setOut(new PrintWriter(console.out(), true))
                .setErr(new PrintWriter(console.err(), true))
                .setExecutionStrategy(main::execute)
                .setParameterExceptionHandler((e, args) -> main.usageError(e))
                .setExecutionExceptionHandler((e, command, result) -> main.failed(e));
        return line.execute(arguments);
    }

    /** Without a command: the help. */
    private int execute(ParseResult parsed) {
        if (!parsed.hasSubcommand() && !parsed.isUsageHelpRequested() && !parsed.isVersionHelpRequested()) {
            parsed.commandSpec().commandLine().usage(console.out());
            return 0;
        }
        Logging.configure(
                verbose,
                parsed.subcommand() == null
                        ? ""
                        : parsed.subcommand().commandSpec().name());
        return new RunLast().execute(parsed);
    }

    private int usageError(ParameterException e) {
        String suggestions =
                e instanceof UnmatchedArgumentException unmatched ? String.join(", ", unmatched.getSuggestions()) : "";
        console.error(Failures.oneLine(e)
                + (suggestions.isEmpty() ? "" : " (did you mean " + suggestions + "?)")
                + " (see " + e.getCommandLine().getCommandSpec().qualifiedName() + " --help)");
        return FAILED;
    }

    private int failed(Exception e) {
        console.error(Failures.describe(e));
        if (verbose) {
            e.printStackTrace(console.err());
        }
        return FAILED;
    }

    static final class Versions implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"prenoise " + ProductVersion.get()};
        }
    }
}
