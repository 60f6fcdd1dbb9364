package dev.prenoise.server.cli;

import dev.prenoise.server.queue.QueueLink;
import dev.prenoise.study.StudyWorker;

/** Ctrl-C or SIGTERM while a worker computes: its unit goes back to the queue before the process ends. */
final class GiveBack implements AutoCloseable {
    private final Thread hook;

    private GiveBack(StudyWorker worker, QueueLink link) {
        hook = new Thread(
                () -> {
                    worker.stop();
                    link.flush();
                },
                "give-back");
    }

    static GiveBack install(StudyWorker worker, QueueLink link) {
        GiveBack giveBack = new GiveBack(worker, link);
        Runtime.getRuntime().addShutdownHook(giveBack.hook);
        return giveBack;
    }

    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The process is ending: the hook has run.
        }
    }
}
