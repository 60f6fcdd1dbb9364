package dev.prenoise.study;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A {@link UnitQueue} as a worker sees it. */
public interface UnitSource {
    /**
     * The next unit.
     *
     * @param patience how long to wait for one
     * @return null when none came
     */
    UnitQueue.@Nullable Delivery<Unit> take(Duration patience) throws InterruptedException;

    /**
     * @param result of a unit that was taken here
     */
    void report(UnitResult result);

    /** Tells those who listen now what a worker does. Nobody has to, and nothing is kept. */
    void say(WorkerWord word);
}
