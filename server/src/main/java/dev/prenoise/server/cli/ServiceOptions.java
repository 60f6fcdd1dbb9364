package dev.prenoise.server.cli;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which service a command talks to: that at {@code --target}, else one started in this process. */
final class ServiceOptions {
    private static final int LAST_PORT = 65535;

    private static final Metadata.Key<String> AUTHORIZATION =
            Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

    @Option(
            names = "--target",
            paramLabel = "HOST:PORT",
            defaultValue = "${env:PRENOISE_TARGET:-}",
            description = "A running sidecar (prenoise serve). Without it, the search runs in this process.")
    private String target = "";

    @Option(
            names = "--token",
            paramLabel = "TOKEN",
            defaultValue = "${env:PRENOISE_TOKEN:-}",
            description = "The sidecar's token. Better in the environment, as PRENOISE_TOKEN, or in --token-file.")
    private String token = "";

    @Option(
            names = "--token-file",
            paramLabel = "FILE",
            defaultValue = "${env:PRENOISE_TOKEN_FILE:-}",
            description = "A file that holds the sidecar's token.")
    private String tokenFile = "";

    @Option(
            names = "--tls-ca",
            paramLabel = "FILE",
            defaultValue = "${env:PRENOISE_TLS_CA:-}",
            description =
                    "The certificates (PEM) to trust instead of Java's. An address that is not loopback is always called over TLS.")
    private String tlsCa = "";

    @Mixin
    private ModelOptions models = new ModelOptions();

    /**
     * @param local starts the service in this process
     * @throws CliException when an option cannot be used
     */
    Service open(Function<ModelOptions, Service> local) {
        if (target.isEmpty()) {
            return local.apply(models);
        }
        String own = models.firstSet();
        if (own != null) {
            throw new CliException(own + ": with --target (expected: one of them; a sidecar has its own)");
        }
        URI address = address(target);
        ManagedChannelBuilder<?> builder = Grpc.newChannelBuilder(target, credentials(address.getHost()));
        String secret = secret();
        if (!secret.isEmpty()) {
            builder.intercept(new Bearer(secret));
        }
        return new Service(target, builder.build(), () -> {});
    }

    /** A backbone as the service knows it: a file or folder of this machine, where the service runs here, is added to its models. */
    String model(String idOrFile) {
        Path file = target.isEmpty() ? existing(idOrFile) : null;
        if (file == null) {
            return idOrFile;
        }
        models.addModel(file);
        return file.getFileName().toString();
    }

    /** A LoRA as the service knows it, likewise. */
    String lora(String nameOrFile) {
        Path file = target.isEmpty() ? existing(nameOrFile) : null;
        if (file == null) {
            return nameOrFile;
        }
        models.addLora(file);
        return file.getFileName().toString();
    }

    private static @Nullable Path existing(String name) {
        try {
            Path path = Path.of(name).toAbsolutePath().normalize();
            return name.isEmpty() || path.getFileName() == null || !Files.exists(path) ? null : path;
        } catch (InvalidPathException e) {
            return null;
        }
    }

    private static URI address(String target) {
        try {
            URI uri = new URI("//" + target).parseServerAuthority();
            if (uri.getHost() != null
                    && uri.getPort() > 0
                    && uri.getPort() <= LAST_PORT
                    && uri.getPath().isEmpty()) {
                return uri;
            }
        } catch (URISyntaxException e) {
            // falls through: the same message
        }
        throw new CliException("--target: " + target + " (expected: host:port, such as 127.0.0.1:50551)");
    }

    private ChannelCredentials credentials(String host) {
        if (tlsCa.isEmpty()) {
            return isLoopback(host) ? InsecureChannelCredentials.create() : TlsChannelCredentials.create();
        }
        try {
            return TlsChannelCredentials.newBuilder()
                    .trustManager(Path.of(tlsCa).toFile())
                    .build();
        } catch (IOException | IllegalArgumentException e) {
            throw new CliException("--tls-ca: " + tlsCa + " (expected: a readable PEM file): " + e.getMessage(), e);
        }
    }

    private String secret() {
        if (!token.isEmpty() || tokenFile.isEmpty()) {
            return token.strip();
        }
        try {
            return Files.readString(Path.of(tokenFile)).strip();
        } catch (IOException e) {
            throw new CliException("--token-file: " + tokenFile + " (expected: a readable file): " + e, e);
        }
    }

    /** By its name alone: what a name server says about it is not asked. */
    private static boolean isLoopback(String host) {
        return host.equals("localhost") || host.equals("[::1]") || host.matches("127(\\.\\d{1,3}){3}");
    }

    private record Bearer(String token) implements ClientInterceptor {
        @Override
        public <Q, R> ClientCall<Q, R> interceptCall(MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
            return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
                @Override
                public void start(Listener<R> listener, Metadata headers) {
                    headers.put(AUTHORIZATION, "Bearer " + token);
                    super.start(listener, headers);
                }
            };
        }
    }
}
