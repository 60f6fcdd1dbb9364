package dev.prenoise.server.cli;

import dev.prenoise.server.queue.JetStreamQueue;
import dev.prenoise.server.queue.QueueLink;
import dev.prenoise.server.queue.QueueOptions;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code prenoise study drop}: takes the queue of a study that nobody goes on with off its server. */
@Command(
        name = "drop",
        header = "Takes the queue of a study that was given up off its server.",
        description = {
            "A study that is stopped leaves its units where they are, and workers go on with them. With --queue-name NAME its queue goes, and the",
            "results in it that its coordinator has not collected; not while the coordinator runs. Without a name lists the queues there are."
        },
        sortOptions = false)
final class StudyDropCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    private QueueAccess queue = new QueueAccess();

    StudyDropCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() throws InterruptedException {
        QueueOptions access = queue.required();
        String name = queue.name();
        try (QueueLink link = QueueAccess.open(access, console.err()::println)) {
            if (name.isEmpty()) {
                List<String> names = JetStreamQueue.names(link);
                names.forEach(console.out()::println);
                console.err().println("study: " + names.size() + " queues on " + access.address());
            } else {
                JetStreamQueue.drop(link, name);
                console.err().println("study: " + name + " is off " + access.address());
            }
        }
        return 0;
    }
}
