package dev.prenoise.server.jobs;

/** How a search ended for those who listen. */
public sealed interface SearchEnd {
    /** It ran to its end: the store has its summary. */
    record Done() implements SearchEnd {}

    /** It was told to stop; what it had is in the store. */
    record Cancelled() implements SearchEnd {}

    /** The sidecar stops under it; sending the request again goes on from there. */
    record Interrupted() implements SearchEnd {}

    record Failed(Throwable cause) implements SearchEnd {}
}
