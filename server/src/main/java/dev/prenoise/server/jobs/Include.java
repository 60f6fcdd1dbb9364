package dev.prenoise.server.jobs;

/** Which candidates something is wanted of. */
public enum Include {
    NONE,
    /** Those that are the best so far when they are scored, and the summary's. */
    BEST,
    ALL
}
