package dev.prenoise.engine;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** A request does not fit in the device's memory, or in what the user allows of it, even one noise at a time. */
public final class OutOfDeviceMemoryException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final long needed;
    private final long free;
    private final long limit;

    /**
     * @param what needs it, such as "sdxl.safetensors at 1024 x 1024 with gradients"
     * @param needed bytes, weights that are not loaded yet included
     * @param free bytes that there were; 0 = not known
     * @param limit the user's, bytes; 0 = none
     */
    OutOfDeviceMemoryException(
            String what, String device, long needed, long free, long limit, @Nullable Throwable cause) {
        super(
                "out of memory: " + what + " needs about " + gigabytes(needed) + " on " + device + " ("
                        + (free > 0 ? gigabytes(free) + " free" : "how much is free is not known")
                        + (limit > 0 ? ", --memory-limit " + gigabytes(limit) : "")
                        + "; expected: a smaller picture or model, or memory freed by the host or by ReleaseMemory)",
                cause);
        this.needed = needed;
        this.free = free;
        this.limit = limit;
    }

    static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, "%.2f GB", bytes * 1e-9);
    }

    /** Bytes. */
    public long needed() {
        return needed;
    }

    /** Bytes; 0 = not known. */
    public long free() {
        return free;
    }

    /** Bytes; 0 = none. */
    public long limit() {
        return limit;
    }
}
