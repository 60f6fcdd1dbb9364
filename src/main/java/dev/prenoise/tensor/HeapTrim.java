package dev.prenoise.tensor;

import com.sun.jna.Library;
import com.sun.jna.Native;
import org.jspecify.annotations.Nullable;

/**
 * Returns freed memory to the system where glibc allocates. The launcher tells glibc to keep what is freed, since fresh pages for every
 * tensor cost a tenth of a gradient's time; so it must be told when a search is over.
 */
final class HeapTrim {
    private static final @Nullable Glibc GLIBC = load();

    private HeapTrim() {}

    private interface Glibc extends Library {
        int malloc_trim(long pad);
    }

    /** Does nothing where there is no glibc. */
    static void run() {
        if (GLIBC != null) {
            GLIBC.malloc_trim(0);
        }
    }

    private static @Nullable Glibc load() {
        if (!System.getProperty("os.name").startsWith("Linux")) {
            return null;
        }
        try {
            Glibc glibc = Native.load("c", Glibc.class);
            glibc.malloc_trim(0);
            return glibc;
        } catch (UnsatisfiedLinkError e) {
            // another C library
            return null;
        }
    }
}
