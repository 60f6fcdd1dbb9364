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
import java.nio.file.Path;

/** Ways to other sidecars: plain to this machine, over TLS to any other. */
final class Channels {
    private static final int LAST_PORT = 65535;

    private static final Metadata.Key<String> AUTHORIZATION =
            Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

    private Channels() {}

    /**
     * @param token "" = none
     */
    static ManagedChannelBuilder<?> to(URI address, ChannelCredentials credentials, String token) {
        return to(address.getAuthority(), credentials, token);
    }

    /**
     * @param target as gRPC reads it, such as {@code dns:///name:port}
     * @param token "" = none
     */
    static ManagedChannelBuilder<?> to(String target, ChannelCredentials credentials, String token) {
        ManagedChannelBuilder<?> builder = Grpc.newChannelBuilder(target, credentials);
        return token.isEmpty() ? builder : builder.intercept(new Bearer(token));
    }

    /**
     * @param option that was given, for messages
     */
    static URI address(String option, String target) {
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
        throw new CliException(option + ": " + target + " (expected: host:port, such as 127.0.0.1:50551)");
    }

    /**
     * @param option that gave the certificates, for messages
     * @param certificates PEM file of those to trust; "" = Java's, and none to this machine
     */
    static ChannelCredentials credentials(URI address, String option, String certificates) {
        if (certificates.isEmpty()) {
            return isLoopback(address.getHost()) ? InsecureChannelCredentials.create() : TlsChannelCredentials.create();
        }
        try {
            return TlsChannelCredentials.newBuilder()
                    .trustManager(Path.of(certificates).toFile())
                    .build();
        } catch (IOException | IllegalArgumentException e) {
            throw new CliException(
                    option + ": " + certificates + " (expected: a readable PEM file): " + e.getMessage(), e);
        }
    }

    /**
     * @param option that gave the file, for messages
     * @param file "" = none
     */
    static String token(String option, String file) {
        if (file.isEmpty()) {
            return "";
        }
        try {
            return Files.readString(Path.of(file)).strip();
        } catch (IOException e) {
            throw new CliException(option + ": " + file + " (expected: a readable file): " + e, e);
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
