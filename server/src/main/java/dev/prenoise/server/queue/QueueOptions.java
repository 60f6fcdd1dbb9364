package dev.prenoise.server.queue;

import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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

    /** A comma before the next URL; those in a password are none. */
    private static final Pattern BETWEEN = Pattern.compile(",(?=\\s*[a-z]+://)");

    private static final Pattern SCHEME = Pattern.compile("(nats|tls|https?|wss?)://");
    private static final Pattern PLAIN = Pattern.compile("[a-z]+://([^:/?#@\\[\\]]+|\\[[0-9a-fA-F:.]+])(:[0-9]+)?");
    private static final Pattern NO_PORT = Pattern.compile(":(?!//)(?![0-9]+(/|$)).*");
    private static final String HIDDEN = "...";

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
        for (String url : BETWEEN.split(urls, -1)) {
            String text = url.strip();
            int at = text.lastIndexOf('@');
            Matcher scheme = SCHEME.matcher(text);
            int begin = scheme.lookingAt() ? scheme.end() : 0;
            if (at >= begin) {
                secret = text.substring(begin, at);
                text = text.substring(0, begin) + text.substring(at + 1);
            } else if (urls.indexOf('@') >= 0 && !PLAIN.matcher(text).matches()) {
                // may be a piece of a password with a comma in it
                text = HIDDEN;
            }
            servers.add(address(text));
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
        // what stands for a port and is none may be a password whose host was forgotten
        String safe = NO_PORT.matcher(shown).replaceFirst(":" + HIDDEN);
        return new IllegalArgumentException(
                "queue: " + safe + " (expected: nats://HOST:4222 or tls://HOST:4222, several with commas between)");
    }

    private static String decoded(String text) {
        try {
            return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            // the decoder's own words have a piece of it
            throw new IllegalArgumentException(
                    "queue: credentials (expected: percent-encoded, a % as %25, or without the URL in PRENOISE_QUEUE_USER, PRENOISE_QUEUE_PASSWORD, PRENOISE_QUEUE_TOKEN)");
        }
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
