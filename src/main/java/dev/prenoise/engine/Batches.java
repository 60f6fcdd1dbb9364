package dev.prenoise.engine;

import dev.prenoise.tensor.DeviceMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Cuts noises into batches of one size, and halves it when the device has no room for it. Not thread-safe.
 */
final class Batches {
    private static final Logger LOG = LoggerFactory.getLogger(Batches.class);

    private final Room room;
    private int size;

    /** What is done where memory was short. */
    interface Room {
        /** Runs when there is room for a batch of this size, or throws. */
        <T> T take(int batch, boolean gradient, Supplier<T> work);

        /** After a batch did not fit: gives back what is held and can be had again. */
        void free();

        /** Of one noise that does not fit. */
        OutOfDeviceMemoryException exhausted(boolean gradient, Throwable cause);

        /** Takes what is asked for. */
        Room UNCHECKED = new Room() {
            @Override
            public <T> T take(int batch, boolean gradient, Supplier<T> work) {
                return work.get();
            }

            @Override
            public void free() {}

            @Override
            public OutOfDeviceMemoryException exhausted(boolean gradient, Throwable cause) {
                return new OutOfDeviceMemoryException("one noise", "the device", 0, 0, 0, cause);
            }
        };
    }

    /** On the noises of one batch. */
    interface Work<N, T> {
        /**
         * @param part not empty, at most {@code size}
         * @param size that every call computes at
         * @return one for each of the part
         */
        List<T> run(List<N> part, int size);
    }

    Batches(Room room, int size) {
        this.room = room;
        this.size = size;
    }

    static Batches of(int size) {
        return new Batches(Room.UNCHECKED, size);
    }

    int size() {
        return size;
    }

    /**
     * One result for each noise, in order. A single noise is tried once more after memory was freed.
     *
     * @throws OutOfDeviceMemoryException when not even one noise fits
     */
    <N, T> List<T> each(List<N> noises, Work<N, T> work) {
        List<T> results = new ArrayList<>();
        boolean freed = false;
        while (results.size() < noises.size()) {
            int now = size;
            List<N> part = noises.subList(results.size(), Math.min(noises.size(), results.size() + now));
            try {
                results.addAll(room.take(now, false, () -> work.run(part, now)));
                freed = false;
            } catch (RuntimeException | OutOfMemoryError e) {
                if (now == 1) {
                    requireUnforeseen(e);
                }
                requireExhaustion(e);
                room.free();
                if (now > 1) {
                    halve(e);
                } else if (freed) {
                    throw room.exhausted(false, e);
                }
                freed = true;
            }
        }
        return results;
    }

    private void halve(Throwable failure) {
        size /= 2;
        LOG.warn("no room for {} noises at once, going on with {}: {}", 2 * size, size, failure.getMessage());
    }

    /**
     * One noise with its gradient, tried once more after memory was freed.
     *
     * @throws OutOfDeviceMemoryException when it does not fit then either
     */
    <T> T withGradient(Supplier<T> work) {
        try {
            return room.take(1, true, work);
        } catch (RuntimeException | OutOfMemoryError e) {
            requireUnforeseen(e);
            requireExhaustion(e);
            room.free();
        }
        try {
            return room.take(1, true, work);
        } catch (RuntimeException | OutOfMemoryError e) {
            requireUnforeseen(e);
            requireExhaustion(e);
            room.free();
            throw room.exhausted(true, e);
        }
    }

    /** Of one noise there is no less to try than what was found to have no room. */
    private static void requireUnforeseen(Throwable failure) {
        if (failure instanceof OutOfDeviceMemoryException known) {
            throw known;
        }
    }

    private static void requireExhaustion(Throwable failure) {
        if (!DeviceMemory.isExhaustion(failure)) {
            if (failure instanceof RuntimeException runtime) {
                throw runtime;
            }
            throw (Error) failure;
        }
    }
}
