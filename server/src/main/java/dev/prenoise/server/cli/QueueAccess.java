package dev.prenoise.server.cli;

import dev.prenoise.server.queue.JetStreamQueue;
import dev.prenoise.server.queue.QueueLink;
import dev.prenoise.server.queue.QueueOptions;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where a study's queue is, for those who offer its units and those who compute them. */
final class QueueAccess {
    @Option(
            names = "--queue",
            paramLabel = "URL",
            defaultValue = "${env:PRENOISE_QUEUE:-}",
            description = {
                "A NATS server with JetStream that a study's work goes through: nats://HOST:4222 or tls://HOST:4222, several of a cluster with",
                "commas between; with USER:PASSWORD@ or TOKEN@ before the host, or those in PRENOISE_QUEUE_USER, PRENOISE_QUEUE_PASSWORD and",
                "PRENOISE_QUEUE_TOKEN. Default: PRENOISE_QUEUE."
            })
    private String url = "";

    @Option(
            names = "--queue-name",
            paramLabel = "NAME",
            description =
                    "The queue's name on that server. Default: made of the study's title and work; for a worker, all there are.")
    private String name = "";

    @Option(
            names = "--queue-creds",
            paramLabel = "FILE",
            description = "Credentials for the server as nsc writes them. Default: PRENOISE_QUEUE_CREDS.")
    private @Nullable Path credentials;

    @Option(
            names = "--queue-ca",
            paramLabel = "FILE",
            description = "Certificates in PEM by which a tls:// server is trusted. Default: those that Java trusts.")
    private @Nullable Path authority;

    @Option(
            names = "--queue-patience",
            paramLabel = "SECONDS",
            defaultValue = "300",
            description = "How long the server may be away before that is an error. Default: ${DEFAULT-VALUE}.")
    private int patience;

    /** Whether there is one. */
    boolean isSet() {
        return !url.isEmpty();
    }

    /**
     * For commands that have nothing to do without one.
     *
     * @throws CliException when there is none, or an option cannot be used
     */
    QueueOptions required() {
        if (!isSet()) {
            throw new CliException("--queue: none (expected: nats://HOST:4222, or PRENOISE_QUEUE)");
        }
        return options(QueueOptions.DEFAULT_FORGOTTEN);
    }

    /** "" = none given. */
    String name() {
        return name.isEmpty() ? "" : JetStreamQueue.plain(name);
    }

    /**
     * @param forgotten after so long without a word from its worker a unit goes to another
     * @throws CliException when an option cannot be used
     */
    QueueOptions options(Duration forgotten) {
        if (patience < 1) {
            throw new CliException("--queue-patience: " + patience + " (expected: >= 1 second)");
        }
        try {
            return QueueOptions.of(url, System.getenv())
                    .with(credentials, authority)
                    .withPatience(Duration.ofSeconds(patience), forgotten);
        } catch (IllegalArgumentException e) {
            throw new CliException("--" + e.getMessage(), e);
        }
    }

    /**
     * @throws dev.prenoise.server.queue.QueueException when the server cannot be used
     */
    static QueueLink open(QueueOptions options, Consumer<String> told) throws InterruptedException {
        return QueueLink.open(options, "prenoise " + me(), told);
    }

    /** This process, as others read it. */
    static String me() {
        String host;
        try {
            host = InetAddress.getLocalHost().getHostName();
        } catch (IOException e) {
            host = "localhost";
        }
        return host + "-" + ProcessHandle.current().pid();
    }
}
