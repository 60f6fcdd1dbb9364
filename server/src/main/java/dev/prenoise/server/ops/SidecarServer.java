package dev.prenoise.server.ops;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.v1.NoiseProviderGrpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.ServerCredentials;
import io.grpc.TlsServerCredentials;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One sidecar: the service, its health and its reflection behind one address, or behind an in-process channel. Starts once, stops once.
 * Thread-safe.
 *
 * <p>The catalog belongs to the caller, who closes it after this.
 */
public final class SidecarServer implements AutoCloseable {
    private static final int MIN_TOKEN_LENGTH = 16;
    private static final int MAX_CALLS_PER_CONNECTION = 100;
    private static final int MAX_METADATA_BYTES = 16 << 10;

    /** How long an interrupted search may take for the evaluation that it is in. */
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private static final Duration LAST_MESSAGES = Duration.ofSeconds(1);

    private record Running(Server server, Workplace workplace) {}

    private final SidecarConfig config;
    private final ModelCatalog catalog;
    private final HealthStatusManager health = new HealthStatusManager();
    private final CountDownLatch closed = new CountDownLatch(1);

    private @Nullable Running running;
    private @Nullable ManagedChannel channel;

    public SidecarServer(SidecarConfig config, ModelCatalog catalog) {
        this.config = config;
        this.catalog = catalog;
    }

    /**
     * Listens on the configured address.
     *
     * @return the port that it is bound to
     * @throws StartException when it cannot; the message is one readable line
     */
    public int start() {
        InetAddress address = resolve(config.host());
        if (!address.isLoopbackAddress()) {
            requireProtection();
        }
        NettyServerBuilder builder = netty(address)
                // A client that is gone without a word (power, cable) is noticed within the minute, and its search
                // stops.
                .keepAliveTime(30, TimeUnit.SECONDS)
                .keepAliveTimeout(15, TimeUnit.SECONDS)
                .permitKeepAliveTime(10, TimeUnit.SECONDS)
                .permitKeepAliveWithoutCalls(true)
                .maxConcurrentCallsPerConnection(MAX_CALLS_PER_CONNECTION);
        return start(builder, "listen on " + config.host() + ":" + config.port())
                .getPort();
    }

    /** Serves inside this process only, and returns the channel to it. Closing this closes the channel too. */
    public ManagedChannel startInProcess() {
        String name = "prenoise-" + UUID.randomUUID();
        start(InProcessServerBuilder.forName(name), "serve in-process");
        channel = InProcessChannelBuilder.forName(name).build();
        return channel;
    }

    private synchronized Server start(ServerBuilder<?> builder, String what) {
        if (running != null) {
            throw new IllegalStateException("start: called twice (expected: once)");
        }
        String token = config.token();
        if (token != null) {
            if (token.length() < MIN_TOKEN_LENGTH) {
                throw new StartException(
                        "token: " + token.length() + " characters (expected: at least " + MIN_TOKEN_LENGTH + ")");
            }
            builder.intercept(new TokenInterceptor(token));
        }
        Workplace workplace = Workplace.open(config, catalog);
        Server server = builder.executor(workplace.calls())
                .maxInboundMessageSize(config.limits().maxMessageBytes())
                .maxInboundMetadataSize(MAX_METADATA_BYTES)
                .addService(workplace.service())
                .addService(workplace.candidates())
                .addService(health.getHealthService())
                .addService(ProtoReflectionServiceV1.newInstance())
                .build();
        try {
            server.start();
        } catch (IOException e) {
            workplace.close();
            throw new StartException("cannot " + what + " (" + rootMessage(e) + ")", e);
        }
        health.setStatus(NoiseProviderGrpc.SERVICE_NAME, ServingStatus.SERVING);
        running = new Running(server, workplace);
        return server;
    }

    /** Drains when the JVM is told to stop (SIGTERM, Ctrl-C). */
    public void drainOnShutdown() {
        Runtime.getRuntime().addShutdownHook(new Thread(this::close, "prenoise-drain"));
    }

    /** Returns when this was closed. */
    public void awaitTermination() throws InterruptedException {
        closed.await();
    }

    /**
     * Drains and stops. Health turns NOT_SERVING and new searches are refused at once; running searches get the grace time, and those that
     * have not ended then are stored where they are, so that the same request goes on with them later. Returns when all is stored; calling it
     * again waits for the first.
     */
    @Override
    public synchronized void close() {
        if (closed.getCount() == 0) {
            return;
        }
        health.enterTerminalState();
        Running server = running;
        if (server != null) {
            server.workplace().searches().drain(config.grace(), PATIENCE);
            // The streams' last messages are on their way.
            server.server().shutdown();
            awaitQuietly(server.server(), LAST_MESSAGES);
            server.server().shutdownNow();
            awaitQuietly(server.server(), LAST_MESSAGES);
            if (channel != null) {
                channel.shutdownNow();
            }
            server.workplace().close();
        }
        closed.countDown();
    }

    private static void awaitQuietly(Server server, Duration time) {
        try {
            server.awaitTermination(time.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Anybody who reaches a sidecar may spend its GPU and read its prompts. */
    private void requireProtection() {
        if (config.tls() == null || config.token() == null) {
            String missing = config.tls() == null && config.token() == null
                    ? "TLS and a token"
                    : config.tls() == null ? "TLS" : "a token";
            throw new StartException("host: " + config.host() + " without " + missing
                    + " (expected: a loopback address, or a TLS certificate, its key and a token)");
        }
    }

    private NettyServerBuilder netty(InetAddress address) {
        InetSocketAddress socket = new InetSocketAddress(address, config.port());
        SidecarConfig.Tls tls = config.tls();
        if (tls == null) {
            return NettyServerBuilder.forAddress(socket, InsecureServerCredentials.create());
        }
        requireReadable("TLS certificate", tls.certificate());
        requireReadable("TLS key", tls.key());
        try {
            ServerCredentials credentials = TlsServerCredentials.create(
                    tls.certificate().toFile(), tls.key().toFile());
            return NettyServerBuilder.forAddress(socket, credentials);
        } catch (IOException | IllegalArgumentException e) {
            throw new StartException(
                    "TLS certificate " + tls.certificate() + " and key " + tls.key() + " (" + rootMessage(e) + ")", e);
        }
    }

    private static void requireReadable(String what, Path file) {
        if (!Files.isReadable(file)) {
            throw new StartException(what + ": " + file + " (expected: a readable PEM file)");
        }
    }

    private static InetAddress resolve(String host) {
        try {
            return InetAddress.getByName(host);
        } catch (UnknownHostException e) {
            throw new StartException("host: " + host + " (expected: an address of this machine)", e);
        }
    }

    /** What the system said, without what its callers put before it. */
    private static String rootMessage(Throwable failure) {
        Throwable root = failure;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        String message = root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
        return message.substring(message.lastIndexOf(": ") < 0 ? 0 : message.lastIndexOf(": ") + 2);
    }
}
