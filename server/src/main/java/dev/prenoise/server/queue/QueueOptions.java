package dev.prenoise.server.queue;

import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where a queue's server is and who asks.
 *
 * @param servers URLs without credentials, all of one cluster
 * @param user "" = none; so is the password's and the token's absence
 * @param credentials a file as {@code nsc} writes it, with a JWT and its key; null = none
 * @param authority certificates in PEM that a server's is trusted by; null = those of Java
 * @param patience how long a server may be away before that is an error
 * @param forgotten after so long without a word from its worker a unit goes to another
 */
public record QueueOptions(
        List<String> servers,
        String user,
        String password,
        String token,
        @Nullable Path credentials,
        @Nullable Path authority,
        Duration patience,
        Duration forgotten) {
    public static final Duration DEFAULT_PATIENCE = Duration.ofMinutes(5);
    public static final Duration DEFAULT_FORGOTTEN = Duration.ofSeconds(30);
    private static final int DEFAULT_PORT = 4222;

    public QueueOptions {
        servers = List.copyOf(servers);
    }

    /**
     * @param urls {@code nats://host:4222} or {@code tls://host:4222}, several with commas between; before the host may stand
     *     {@code user:password@} or {@code token@}
     * @param environment PRENOISE_QUEUE_USER, PRENOISE_QUEUE_PASSWORD, PRENOISE_QUEUE_TOKEN and PRENOISE_QUEUE_CREDS, for what the URLs do
     *     not say
     * @throws IllegalArgumentException when they are no such URLs; no message has a secret in it
     */
    public static QueueOptions of(String urls, Map<String, String> environment) {
        List<String> servers = new ArrayList<>();
        String secret = "";
        for (String url : urls.split(",")) {
            String text = url.strip();
            int at = text.lastIndexOf('@');
            int scheme = text.indexOf("://");
            String shown = at < 0 || scheme < 0 ? text : text.substring(0, scheme + 3) + text.substring(at + 1);
            if (at >= 0 && scheme >= 0) {
                secret = text.substring(scheme + 3, at);
            }
            servers.add(address(shown));
        }
        int colon = secret.indexOf(':');
        String user = colon < 0 ? "" : decoded(secret.substring(0, colon));
        String password = colon < 0 ? "" : decoded(secret.substring(colon + 1));
        String token = colon < 0 ? decoded(secret) : "";
        if (secret.isEmpty()) {
            user = environment.getOrDefault("PRENOISE_QUEUE_USER", "");
            password = environment.getOrDefault("PRENOISE_QUEUE_PASSWORD", "");
            token = environment.getOrDefault("PRENOISE_QUEUE_TOKEN", "");
        }
        String file = environment.getOrDefault("PRENOISE_QUEUE_CREDS", "");
        return new QueueOptions(
                servers,
                user,
                password,
                token,
                file.isEmpty() ? null : Path.of(file),
                null,
                DEFAULT_PATIENCE,
                DEFAULT_FORGOTTEN);
    }

    private static String address(String shown) {
        URI uri;
        try {
            uri = URI.create(shown);
        } catch (IllegalArgumentException e) {
            throw wrong(shown);
        }
        String scheme = String.valueOf(uri.getScheme());
        boolean known = scheme.equals("nats") || scheme.equals("tls");
        if (!known || uri.getHost() == null || !uri.getPath().isEmpty() || uri.getQuery() != null) {
            throw wrong(shown);
        }
        return scheme + "://" + uri.getHost() + ":" + (uri.getPort() < 0 ? DEFAULT_PORT : uri.getPort());
    }

    private static IllegalArgumentException wrong(String shown) {
        return new IllegalArgumentException(
                "queue: " + shown + " (expected: nats://HOST:4222 or tls://HOST:4222, several with commas between)");
    }

    private static String decoded(String text) {
        return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    }

    /**
     * @param newCredentials null = as they are
     * @param newAuthority null = as they are
     */
    public QueueOptions with(@Nullable Path newCredentials, @Nullable Path newAuthority) {
        return new QueueOptions(
                servers,
                user,
                password,
                token,
                newCredentials == null ? credentials : newCredentials,
                newAuthority == null ? authority : newAuthority,
                patience,
                forgotten);
    }

    public QueueOptions withPatience(Duration newPatience, Duration newForgotten) {
        return new QueueOptions(servers, user, password, token, credentials, authority, newPatience, newForgotten);
    }

    /** For messages. */
    public String address() {
        return String.join(",", servers);
    }

    /** Without its secrets. */
    @Override
    public String toString() {
        return address();
    }
}
