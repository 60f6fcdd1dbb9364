package dev.prenoise.tensor;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Memory of a device.
 *
 * @param total bytes; 0 = not known
 * @param free bytes that could be had now; 0 where the total is not known
 */
public record DeviceMemory(long total, long free) {
    /** What cannot be asked. */
    static final DeviceMemory UNKNOWN = new DeviceMemory(0, 0);

    public boolean known() {
        return total > 0;
    }

    /** Java's own, or a device's: libtorch throws a plain error that says so. Its causes count too. */
    public static boolean isExhaustion(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            String message = String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT);
            if (cause instanceof OutOfMemoryError
                    || message.contains("out of memory")
                    || message.contains("can't allocate memory")
                    || message.contains("not enough memory")
                    || message.contains("alloc_failed")) {
                return true;
            }
        }
        return false;
    }

    /** The machine's, or that of the container this process is in. */
    static DeviceMemory system() {
        DeviceMemory linux = linux(Path.of("/proc/meminfo"), Path.of("/sys/fs/cgroup"));
        if (linux.known() || !(ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system)) {
            return linux;
        }
        long total = system.getTotalMemorySize();
        boolean mac = System.getProperty("os.name", "").startsWith("Mac");
        // macOS fills what is free with files that it gives back when asked; how much is not to be had from Java
        return new DeviceMemory(
                total, mac ? Math.max(system.getFreeMemorySize(), total / 2) : system.getFreeMemorySize());
    }

    /**
     * MemAvailable, which counts the cache of files that the system would give back; in a container, what its limit leaves, likewise.
     *
     * @return {@link #UNKNOWN} where there are no such files
     */
    static DeviceMemory linux(Path meminfo, Path cgroup) {
        Map<String, Long> machine = numbers(meminfo);
        long total = machine.getOrDefault("MemTotal", 0L) << 10;
        long available = machine.getOrDefault("MemAvailable", 0L) << 10;
        if (total == 0 || available == 0) {
            return UNKNOWN;
        }
        DeviceMemory second = container(cgroup, "memory.max", "memory.current", "memory.stat", "file");
        DeviceMemory first = container(
                cgroup.resolve("memory"),
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "memory.stat",
                "total_cache");
        for (DeviceMemory limit : List.of(second, first)) {
            if (limit.known() && limit.total() < total) {
                return new DeviceMemory(limit.total(), Math.min(available, limit.free()));
            }
        }
        return new DeviceMemory(total, available);
    }

    private static DeviceMemory container(Path folder, String limit, String usage, String stat, String cacheKey) {
        long most = number(folder.resolve(limit));
        long used = number(folder.resolve(usage));
        if (most <= 0 || used < 0) {
            return UNKNOWN;
        }
        long cache = numbers(folder.resolve(stat)).getOrDefault(cacheKey, 0L);
        return new DeviceMemory(most, Math.max(0, most - Math.max(0, used - cache)));
    }

    /** -1 for none: no file, or "max". */
    private static long number(Path file) {
        try {
            return Long.parseLong(Files.readString(file).strip());
        } catch (IOException | NumberFormatException e) {
            return -1;
        }
    }

    /** Lines such as {@code MemTotal: 24 kB}. */
    private static Map<String, Long> numbers(Path file) {
        Map<String, Long> numbers = new HashMap<>();
        try {
            for (String line : Files.readAllLines(file)) {
                String[] words = line.split("[:\\s]+");
                if (words.length >= 2 && words[1].matches("[0-9]{1,18}")) {
                    numbers.put(words[0], Long.parseLong(words[1]));
                }
            }
        } catch (IOException e) {
            return Map.of();
        }
        return numbers;
    }
}
