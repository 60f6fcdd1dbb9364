package dev.prenoise.server.queue;

/** The queue is no longer on its server: its study has ended. */
final class QueueEndedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    QueueEndedException(String name) {
        super("queue: " + name + " is gone (expected: there until its study ends)");
    }
}
