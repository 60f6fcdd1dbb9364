package dev.prenoise.server.ops;

import dev.prenoise.server.FakeCatalog;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;

/** A sidecar on the fake backbone in a JVM of its own, which a test may kill. */
final class SidecarProcess implements AutoCloseable {
    private final Process process;
    private final int port;
    private final Path evaluated;

    private SidecarProcess(Process process, int port, Path evaluated) {
        this.process = process;
        this.port = port;
        this.evaluated = evaluated;
    }

    /**
     * @param evaluationMillis how long each evaluation takes
     */
    static SidecarProcess start(Path data, int evaluationMillis, Duration grace) throws IOException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx256m",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        SidecarProcess.class.getName(),
                        data.toString(),
                        String.valueOf(evaluationMillis),
                        grace.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String line =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8)).readLine();
        return new SidecarProcess(process, Integer.parseInt(String.valueOf(line)), evaluated(data));
    }

    /** A byte for each evaluation. */
    private static Path evaluated(Path data) {
        return data.resolveSibling(data.getFileName() + ".evaluated");
    }

    /** How many it has begun. */
    long evaluations() {
        return evaluated.toFile().length();
    }

    int port() {
        return port;
    }

    /** SIGKILL: nothing in the process gets to run any more. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    /** SIGTERM. */
    void terminate() throws InterruptedException {
        process.destroy();
        process.waitFor();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    public static void main(String[] args) throws InterruptedException {
        FakeCatalog catalog = new FakeCatalog();
        int millis = Integer.parseInt(args[1]);
        Path data = Path.of(args[0]);
        catalog.beforeEvaluation = prompt -> {
            try {
                Files.write(evaluated(data), new byte[1], StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            Thread.sleep(millis);
        };
        SidecarConfig config =
                SidecarConfig.DEFAULT.withPort(0).withDataDir(data).withGrace(Duration.parse(args[2]));
        SidecarServer server = new SidecarServer(config, catalog);
        int port = server.start();
        server.drainOnShutdown();
        System.out.println(port);
        server.awaitTermination();
    }
}
