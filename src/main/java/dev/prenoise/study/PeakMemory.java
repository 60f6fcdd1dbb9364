package dev.prenoise.study;

import dev.prenoise.engine.LossBenchmark;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** The most memory that was resident in this process since it was last asked: Linux's own mark, which can be set back. */
final class PeakMemory {
    private static final Path MARK = Path.of("/proc/self/clear_refs");

    private final boolean measured;

    private PeakMemory(boolean measured) {
        this.measured = measured;
    }

    /** From now on. */
    static PeakMemory start() {
        try {
            // 5: set the mark back to what is resident now (man 5 proc)
            Files.writeString(MARK, "5", StandardOpenOption.WRITE);
            return new PeakMemory(true);
        } catch (IOException e) {
            return new PeakMemory(false);
        }
    }

    /** In bytes; 0 where the system does not say. */
    long bytes() {
        return measured ? LossBenchmark.peakMemory() : 0;
    }
}
