package dev.prenoise.server.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Looks for NVIDIA's cards without libtorch, which sees them only where it was built for CUDA. */
final class NvidiaCard {
    private static final long PATIENCE_SECONDS = 5;

    private NvidiaCard() {}

    /** What is here, in a few words; null where there is none. */
    static @Nullable String find() {
        return find("nvidia-smi", List.of(Path.of("/proc/driver/nvidia/version"), Path.of("/dev/nvidia0")));
    }

    /**
     * @param command prints the cards' names
     * @param traces files that the driver leaves
     */
    static @Nullable String find(String command, List<Path> traces) {
        String names = names(command);
        if (!names.isEmpty()) {
            return names;
        }
        return traces.stream()
                .filter(Files::exists)
                .findFirst()
                .map(path -> "NVIDIA's driver (" + path + ")")
                .orElse(null);
    }

    private static String names(String command) {
        try {
            Process process = new ProcessBuilder(
                            command,
                            "--query-gpu=name,memory.total,memory.free,driver_version",
                            "--format=csv,noheader")
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            process.getOutputStream().close();
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                return "";
            }
            String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return process.exitValue() == 0
                    ? out.lines()
                            .map(String::strip)
                            .filter(line -> !line.isEmpty())
                            .collect(Collectors.joining("; "))
                    : "";
        } catch (IOException e) {
            return "";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "";
        }
    }
}
