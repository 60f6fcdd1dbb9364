package dev.prenoise.server.cli;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.server.ops.ProductVersion;
import dev.prenoise.server.queue.Claim;
import dev.prenoise.server.queue.JetStreamQueue;
import dev.prenoise.server.queue.QueueException;
import dev.prenoise.server.queue.QueueLink;
import dev.prenoise.server.queue.QueueOptions;
import dev.prenoise.study.StudyPlan;
import dev.prenoise.study.StudyRun;
import dev.prenoise.study.StudyWorker;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/** A study whose units go through a queue: offers them, keeps what comes back, and computes too unless it is told not to. */
final class StudyQueueRun implements StudyFileRun.Way {
    private static final int NAME_DIGITS = 8;

    private final Console console;
    private final QueueOptions options;
    private final String name;
    private final boolean computes;

    /**
     * @param name of the queue; "" = of the study's title and work
     * @param computes whether this process is a worker as well
     */
    StudyQueueRun(Console console, QueueOptions options, String name, boolean computes) {
        this.console = console;
        this.options = options;
        this.name = name;
        this.computes = computes;
    }

    @Override
    public void run(StudyPlan plan, StudyRun run, ModelCatalog catalog, StudyRun.Progress progress)
            throws IOException, InterruptedException {
        String queueName = name.isEmpty()
                ? JetStreamQueue.plain(plan.title()) + "-" + plan.digest().substring(0, NAME_DIGITS)
                : name;
        try (QueueLink link = QueueAccess.open(options, console.err()::println);
                Claim ignoredClaim = Claim.take(link, queueName, QueueAccess.me());
                JetStreamQueue queue = JetStreamQueue.create(link, queueName)) {
            String invitation = "prenoise study work --queue " + options.address() + " --queue-name " + queueName;
            console.err().println("study: workers are started by " + invitation);
            StudyCrew crew = new StudyCrew(console.err()::println, invitation, System::nanoTime);
            queue.listen(crew::hear);
            StudyRun.Progress both = (known, of) -> {
                progress.units(known, of);
                crew.look(of - known);
            };
            if (computes) {
                StudyWorker worker =
                        new StudyWorker(queue, catalog, ProductVersion.get(), QueueAccess.me(), console.err()::println);
                try (GiveBack ignored = GiveBack.install(worker, link)) {
                    beside(worker, () -> run.run(queue, null, both));
                }
            } else {
                run.run(queue, null, both);
            }
            queue.remove();
        }
    }

    /** What is done while a worker works. */
    @FunctionalInterface
    private interface Work {
        void run() throws IOException, InterruptedException;
    }

    private void beside(StudyWorker worker, Work work) throws IOException, InterruptedException {
        Thread thread = new Thread(
                () -> {
                    try {
                        worker.run(null);
                    } catch (QueueException e) {
                        console.error(String.valueOf(e.getMessage()));
                    } catch (InterruptedException e) {
                        // the study has ended
                    }
                },
                "prenoise-worker");
        thread.setDaemon(true);
        thread.setUncaughtExceptionHandler((which, e) ->
                console.error("this process no longer computes: " + Failures.oneLine(e) + "; others may go on"));
        thread.start();
        try {
            work.run();
        } finally {
            worker.stop();
            thread.interrupt();
            // models must not be closed under one that computes
            TimeUnit.SECONDS.timedJoin(thread, Integer.MAX_VALUE);
        }
    }
}
