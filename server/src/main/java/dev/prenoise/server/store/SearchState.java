package dev.prenoise.server.store;

/** Where a stored search stands. */
public enum SearchState {
    RUNNING,
    DONE,
    CANCELLED,
    FAILED,
    /** The process ended under it. */
    INTERRUPTED
}
