package dev.prenoise.server.jobs;

import dev.prenoise.server.store.Acceptance;
import org.jspecify.annotations.Nullable;

/**
 * One listener's view of a search, running or ended. It holds no candidates: those are read from the store, by index, at the listener's own
 * pace. Thread-safe.
 *
 * <p>A listener that wants to miss nothing reads {@link #end()} first, then {@link #announced()}.
 */
public interface Attachment {
    String searchId();

    /** Null until the model is open and the prompt is encoded. */
    @Nullable
    Acceptance acceptance();

    /** Candidates 0 to this, exclusive, may be read. Never falls. */
    int announced();

    /** The latest; null before there is any. */
    @Nullable
    Progress progress();

    /** Null while the search runs. */
    @Nullable
    SearchEnd end();

    /** Tells a running search to stop, and listens on. */
    void cancel();

    /** Listens no longer. A running search that nobody listens to any more is cancelled. */
    void detach();
}
