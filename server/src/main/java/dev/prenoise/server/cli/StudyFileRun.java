package dev.prenoise.server.cli;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.UnknownBackboneException;
import dev.prenoise.server.ops.ProductVersion;
import dev.prenoise.study.BackboneSetup;
import dev.prenoise.study.LocalQueue;
import dev.prenoise.study.StudyFile;
import dev.prenoise.study.StudyPlan;
import dev.prenoise.study.StudyRun;
import dev.prenoise.study.UnitWork;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/** A study file on its way from the command line to its report. */
final class StudyFileRun {
    /** One process takes and computes one unit after the other: nothing is ever forgotten. */
    private static final Duration NEVER = Duration.ofDays(365);

    private final Console console;
    private final Supplier<ModelCatalog> models;
    private final String device;
    private final UnaryOperator<StudyPlan> part;

    /** How a study's units come to be computed. */
    @FunctionalInterface
    interface Way {
        void run(StudyPlan plan, StudyRun run, ModelCatalog catalog, StudyRun.Progress progress)
                throws IOException, InterruptedException;
    }

    /**
     * @param device that others compute on; "" = that of the models here
     * @param part of a plan that is run; throws {@link IllegalArgumentException} where there is no such
     */
    StudyFileRun(Console console, Supplier<ModelCatalog> models, String device, UnaryOperator<StudyPlan> part) {
        this.console = console;
        this.models = models;
        this.device = device;
        this.part = part;
    }

    /**
     * @param study a file or the name of a study that comes with the program
     * @throws CliException when the study cannot be used
     */
    void run(String study, Path output) throws IOException, InterruptedException {
        run(study, output, (plan, run, catalog, bar) -> {
            try (LocalQueue queue = new LocalQueue(NEVER)) {
                run.run(queue, new UnitWork(catalog, ProductVersion.get()), bar);
            }
        });
    }

    /**
     * @param way how its units come to be computed
     * @throws CliException when the study cannot be used
     */
    void run(String study, Path output, Way way) throws IOException, InterruptedException {
        try {
            StudyPlan read = part.apply(StudyFile.read(study));
            StudyRun run;
            List<BackboneSetup> setups;
            try (ModelCatalog catalog = models.get();
                    StudyBar bar = new StudyBar(console, "study", "units")) {
                StudyRun.check(read, catalog);
                StudyPlan plan = device.isEmpty()
                        ? read.on(catalog, ProductVersion.get())
                        : read.on(catalog, ProductVersion.get(), device);
                run = new StudyRun(plan, output);
                setups = BackboneSetup.of(plan, catalog);
                way.run(plan, run, catalog, bar);
            }
            run.report(setups);
            console.out().print(Files.readString(output.resolve("summary.md")));
            console.out().println("The report: " + output.resolve("report.html"));
        } catch (IllegalArgumentException | UnknownBackboneException e) {
            throw new CliException(String.valueOf(e.getMessage()), e);
        }
    }
}
