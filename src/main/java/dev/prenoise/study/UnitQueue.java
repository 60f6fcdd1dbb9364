package dev.prenoise.study;

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Work on its way to whoever computes it, and results on their way back. Both are delivered at least once: what is not
 * {@linkplain Delivery#acknowledge acknowledged} in time comes again, so that a worker that dies costs its own unit alone, and a result that
 * comes twice is for the {@link ResultStore} to leave out. Thread-safe.
 */
public interface UnitQueue extends UnitSource, AutoCloseable {
    /** Those that wait or are being worked on already are not put in again. */
    void offer(Collection<Unit> units);

    /** How many wait or are being worked on, whoever offered them. */
    long units();

    /**
     * Takes back what waits and is none of these, as units of a plan that has changed since are.
     *
     * @param wanted units' ids
     */
    void retain(Set<String> wanted);

    /** Takes back what waits: nobody gets it. What is being worked on is finished. */
    void withdraw();

    /**
     * The next result.
     *
     * @param patience how long to wait for one
     * @return null when none came
     */
    @Nullable
    Delivery<UnitResult> result(Duration patience) throws InterruptedException;

    /**
     * @param listener called on any thread, until the queue is closed
     */
    void listen(Consumer<WorkerWord> listener);

    @Override
    void close();

    /**
     * Something that is this taker's until it is acknowledged, closed or forgotten for too long. Thread-safe.
     */
    interface Delivery<T> extends AutoCloseable {
        T content();

        /**
         * Work begins. Whoever dies in it, without acknowledging, giving back or closing, is told to who gets it next.
         *
         * @param worker its name
         * @return who died in it before, in words; not those that are only not heard for a while
         */
        List<String> begin(String worker) throws InterruptedException;

        /** It is still being worked on: the time until it would be delivered again starts anew. */
        void working();

        /** It is done: nobody gets it again. */
        void acknowledge();

        /** Gives it back where it was not acknowledged, for others: nobody gets it before the delay is over. */
        void giveBack(Duration delay);

        /** Gives it back at once where it was not acknowledged. */
        @Override
        void close();
    }
}
