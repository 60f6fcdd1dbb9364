package dev.prenoise.server.jobs;

/** A search was told to stop while it waited for its turn. */
final class SearchStoppedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    SearchStoppedException() {
        super("stopped", null, false, false);
    }
}
