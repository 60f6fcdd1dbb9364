package dev.prenoise.server.cli;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.server.ops.ProductVersion;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.server.ops.SidecarServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code prenoise serve}: the sidecar, until it is told to stop. */
@Command(
        name = "serve",
        header = "Runs the sidecar.",
        description =
                "Prints one line on standard output when it is ready; logs go to standard error. SIGTERM and Ctrl-C drain it.",
        sortOptions = false)
final class ServeCommand implements Callable<Integer> {
    private static final int HIGHEST_PORT = 65535;

    private final Console console;
    private final Function<ModelOptions, ModelCatalog> models;

    @Option(
            names = "--host",
            paramLabel = "ADDRESS",
            defaultValue = "127.0.0.1",
            description =
                    "Default: ${DEFAULT-VALUE}. Any that is not loopback needs --tls-cert, --tls-key and --token-file.")
    private String host = "";

    @Option(
            names = "--port",
            paramLabel = "PORT",
            defaultValue = "50551",
            description = "Default: ${DEFAULT-VALUE}. 0 takes a free one.")
    private int port;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description =
                    "Where searches are stored. Default: the user's data folder (~/.local/share/prenoise on Linux).")
    private @Nullable Path data;

    @Mixin
    private ModelOptions modelOptions = new ModelOptions();

    @Option(names = "--tls-cert", paramLabel = "FILE", description = "Certificate chain, PEM.")
    private @Nullable Path certificate;

    @Option(names = "--tls-key", paramLabel = "FILE", description = "Its private key, PEM.")
    private @Nullable Path key;

    @Option(
            names = "--token-file",
            paramLabel = "FILE",
            description = "Holds the token that callers must send, at least 16 characters.")
    private @Nullable Path tokenFile;

    @Option(
            names = "--keep",
            paramLabel = "DAYS",
            description =
                    "Stored searches that began longer ago and do not run are deleted, at the start and daily. Default: all are kept.")
    private @Nullable Integer keep;

    @Option(
            names = "--grace",
            paramLabel = "SECONDS",
            defaultValue = "20",
            description =
                    "How long running searches may go on when told to stop; then they are stored. Default: ${DEFAULT-VALUE}.")
    private int grace;

    @Option(
            names = "--host-timeout",
            paramLabel = "SECONDS",
            defaultValue = "300",
            description =
                    "How long a host that searches on its own model may take for one evaluation. Default: ${DEFAULT-VALUE}.")
    private int hostTimeout;

    @Mixin
    private PeerOptions peers = new PeerOptions();

    @Option(
            names = "--peer-timeout",
            paramLabel = "SECONDS",
            defaultValue = "300",
            description =
                    "How long a peer may take for one batch of candidates, its model's loading included. Default: ${DEFAULT-VALUE}.")
    private int peerTimeout;

    ServeCommand(Console console, Function<ModelOptions, ModelCatalog> models) {
        this.console = console;
        this.models = models;
    }

    @Override
    public Integer call() throws InterruptedException {
        SidecarServer server = start();
        server.drainOnShutdown();
        server.awaitTermination();
        return 0;
    }

    /** Listens, and says so on standard output. */
    SidecarServer start() {
        SidecarConfig config = config();
        modelOptions.setHashing();
        SidecarServer server = new SidecarServer(config, models.apply(modelOptions));
        int bound = server.start();
        console.out().println("prenoise " + ProductVersion.get() + " listening on " + address(host, bound));
        console.out().flush();
        return server;
    }

    private SidecarConfig config() {
        if (port < 0 || port > HIGHEST_PORT) {
            throw new CliException("--port: " + port + " (expected: 0 to " + HIGHEST_PORT + ")");
        }
        if (grace < 0) {
            throw new CliException("--grace: " + grace + " (expected: >= 0)");
        }
        if (hostTimeout < 1) {
            throw new CliException("--host-timeout: " + hostTimeout + " (expected: >= 1 second)");
        }
        if (peerTimeout < 1) {
            throw new CliException("--peer-timeout: " + peerTimeout + " (expected: >= 1 second)");
        }
        if (keep != null && keep < 1) {
            throw new CliException("--keep: " + keep + " (expected: >= 1 day)");
        }
        return SidecarConfig.DEFAULT
                .withHost(host)
                .withPort(port)
                .withDataDir(data == null ? Folders.data() : data)
                .withTls(tls())
                .withToken(tokenFile == null ? null : token(tokenFile))
                .withGrace(Duration.ofSeconds(grace))
                .withKeep(keep == null ? null : Duration.ofDays(keep))
                .withHostTimeout(Duration.ofSeconds(hostTimeout))
                .withPeers(peers.targets())
                .withPeerTimeout(Duration.ofSeconds(peerTimeout));
    }

    private SidecarConfig.@Nullable Tls tls() {
        if (certificate == null && key == null) {
            return null;
        }
        if (certificate == null || key == null) {
            throw new CliException("--tls-cert and --tls-key: one without the other (expected: both)");
        }
        return new SidecarConfig.Tls(certificate, key);
    }

    private static String token(Path file) {
        try {
            return Files.readString(file).strip();
        } catch (IOException e) {
            throw new CliException("--token-file: " + file + " (expected: a readable file)", e);
        }
    }

    private static String address(String host, int port) {
        return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
    }
}
