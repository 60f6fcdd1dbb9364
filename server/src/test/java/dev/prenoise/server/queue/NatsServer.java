package dev.prenoise.server.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/** A real nats-server with JetStream of a test's own: on a port of its own, with its files in the test's folder. */
public final class NatsServer implements AutoCloseable {
    private static final String BINARY = "nats-server";

    private final Path folder;
    private final int port;
    private final List<String> more;
    private @Nullable Process process;

    private NatsServer(Path folder, int port, List<String> more) {
        this.folder = folder;
        this.port = port;
        this.more = more;
    }

    /**
     * Skips the test, with the reason, where there is no nats-server; with PRENOISE_REQUIRE_NATS=1 that is a failure.
     *
     * @param more of the server's own options
     */
    public static NatsServer start(Path folder, String... more) throws IOException, InterruptedException {
        requireBinary();
        NatsServer server = new NatsServer(folder, freePort(), List.of(more));
        server.start();
        return server;
    }

    private static void requireBinary() {
        boolean there = Stream.concat(
                        Stream.of(System.getenv().getOrDefault("PATH", "").split(":")), Stream.of("/usr/sbin"))
                .anyMatch(each -> Files.isExecutable(Path.of(each, BINARY)));
        boolean required = !List.of("", "0").contains(System.getenv().getOrDefault("PRENOISE_REQUIRE_NATS", ""));
        if (!there && !required) {
            System.out.println(
                    "Not tested: the study's queue, as there is no nats-server on PATH (apt install nats-server)");
        }
        if (required) {
            assertThat(there)
                    .as("nats-server on PATH, as PRENOISE_REQUIRE_NATS asks for")
                    .isTrue();
        }
        Assumptions.assumeTrue(there, "no nats-server on PATH (apt install nats-server)");
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** Again, with what is on its disk. */
    public void start() throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Files.isExecutable(Path.of("/usr/sbin", BINARY)) ? "/usr/sbin/" + BINARY : BINARY,
                "--addr=127.0.0.1",
                "--port=" + port,
                "--store_dir=" + folder.resolve("jetstream")));
        command.addAll(more.isEmpty() ? List.of("--jetstream") : more);
        process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        folder.resolve("nats.log").toFile()))
                .start();
        for (int i = 0; i < 200; i++) {
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress("127.0.0.1", port), 100);
                return;
            } catch (IOException e) {
                Thread.sleep(50);
            }
        }
        throw new IOException("nats-server: " + Files.readString(folder.resolve("nats.log")));
    }

    public String url() {
        return "nats://127.0.0.1:" + port;
    }

    int port() {
        return port;
    }

    QueueOptions options(Duration forgotten) {
        return QueueOptions.of(url(), Map.of()).withPatience(Duration.ofSeconds(20), forgotten);
    }

    /** As kill -9 does. */
    public void kill() throws InterruptedException {
        Process running = process;
        if (running != null) {
            running.destroyForcibly();
            assertThat(running.waitFor(10, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Override
    public void close() throws InterruptedException {
        kill();
    }
}
