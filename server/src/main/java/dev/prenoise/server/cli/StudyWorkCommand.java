package dev.prenoise.server.cli;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.server.ops.ProductVersion;
import dev.prenoise.server.queue.JetStreamQueues;
import dev.prenoise.server.queue.QueueLink;
import dev.prenoise.server.queue.QueueOptions;
import dev.prenoise.study.StudyWorker;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code prenoise study work}: computes units of studies that are begun elsewhere. */
@Command(
        name = "work",
        header = "Computes for studies that were begun with --queue.",
        description = {
            "Takes units from the queue's server, one at a time, computes them and sends the results, until it is stopped; then it gives back",
            "what it has. Needs the same version, kind of device, precision, models and verifiers as where the study was begun: a unit whose",
            "numbers would be others here is left to others."
        },
        sortOptions = false)
final class StudyWorkCommand implements Callable<Integer> {
    private final Console console;
    private final Function<ModelOptions, ModelCatalog> models;

    @Mixin
    private QueueAccess queue = new QueueAccess();

    @Option(
            names = "--end-after",
            paramLabel = "SECONDS",
            description = "Ends by itself after so long without a unit. Default: never.")
    private @Nullable Integer endAfter;

    @Mixin
    private ModelOptions options = new ModelOptions();

    StudyWorkCommand(Console console, Function<ModelOptions, ModelCatalog> models) {
        this.console = console;
        this.models = models;
    }

    @Override
    public Integer call() throws InterruptedException {
        QueueOptions access = queue.required();
        if (endAfter != null && endAfter < 0) {
            throw new CliException("--end-after: " + endAfter + " (expected: >= 0 seconds)");
        }
        String name = queue.name();
        try (ModelCatalog catalog = models.apply(options);
                QueueLink link = QueueAccess.open(access, console.err()::println)) {
            JetStreamQueues queues = new JetStreamQueues(link, each -> name.isEmpty() || each.equals(name));
            StudyWorker worker =
                    new StudyWorker(queues, catalog, ProductVersion.get(), QueueAccess.me(), console.err()::println);
            console.err()
                    .println("study: " + QueueAccess.me() + " takes units from " + access.address()
                            + (name.isEmpty() ? "" : ", " + name));
            try (GiveBack ignored = GiveBack.install(worker, link)) {
                int done = worker.run(endAfter == null ? null : Duration.ofSeconds(endAfter));
                console.err().println("study: " + done + " units computed");
            }
        }
        return 0;
    }
}
