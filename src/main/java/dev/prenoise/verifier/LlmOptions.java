package dev.prenoise.verifier;

import com.google.common.net.InetAddresses;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Which language model grades pictures, and how it is asked. Messages name what is wrong as the command line calls it, without its dashes.
 * The key stands in no message and not in {@link #toString}.
 *
 * @param baseUrl of an OpenAI-compatible service, such as {@code http://localhost:11434/v1}: {@code /chat/completions} comes after it
 * @param model as the service names it; must take pictures
 * @param key sent as bearer token; "" = none is sent
 * @param timeout of one call, its whole answer included
 * @param retries of a call that failed for a reason that may pass
 * @param maxCalls of one search, those that are made again included; whoever comes later is not graded
 * @param concurrency calls at a time
 * @param temperature 0 for the same grades again, as far as a service can
 * @param jsonMode whether the service is asked to answer in JSON; one that refuses is asked without
 */
public record LlmOptions(
        URI baseUrl,
        String model,
        String key,
        Duration timeout,
        int retries,
        int maxCalls,
        int concurrency,
        double temperature,
        boolean jsonMode) {
    /** Where the key is looked for, and nowhere else. */
    public static final String KEY_VARIABLE = "PRENOISE_LLM_KEY";

    public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(60);
    public static final int DEFAULT_MAX_CALLS = 1000;

    private static final int DEFAULT_RETRIES = 3;
    private static final int DEFAULT_CONCURRENCY = 4;
    private static final Duration LONGEST_TIMEOUT = Duration.ofHours(1);
    private static final int MOST_RETRIES = 10;
    private static final int MOST_CONCURRENT = 64;
    private static final double HIGHEST_TEMPERATURE = 2;
    private static final String CHAT = "/chat/completions";

    /**
     * @throws IllegalArgumentException when one cannot be used; the message names it
     */
    public LlmOptions {
        if (model.isBlank()) {
            throw new IllegalArgumentException("llm-model: \"\" (expected: a model's name at the service)");
        }
        // A line break in a header would come back in the HTTP client's own message, key and all.
        if (!key.chars().allMatch(c -> c > ' ' && c < 127)) {
            throw new IllegalArgumentException(
                    KEY_VARIABLE + ": has characters that no key has (expected: printable ASCII without spaces)");
        }
        if (timeout.compareTo(Duration.ofMillis(1)) < 0 || timeout.compareTo(LONGEST_TIMEOUT) > 0) {
            throw new IllegalArgumentException(
                    "llm-timeout: " + timeout + " (expected: above 0, at most " + LONGEST_TIMEOUT.toSeconds() + " s)");
        }
        require("llm-retries", retries, 0, MOST_RETRIES);
        require("llm-max-calls", maxCalls, 1, Integer.MAX_VALUE);
        require("llm-concurrency", concurrency, 1, MOST_CONCURRENT);
        if (!(temperature >= 0 && temperature <= HIGHEST_TEMPERATURE)) {
            throw new IllegalArgumentException(
                    "llm-temperature: " + temperature + " (expected: 0 to " + HIGHEST_TEMPERATURE + ")");
        }
    }

    private static void require(String name, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: "
                    + (most == Integer.MAX_VALUE ? ">= " + least : least + " to " + most) + ")");
        }
    }

    /**
     * With the usual numbers.
     *
     * @param url of the service; one that ends in {@code /chat/completions} is cut there
     * @param key of {@value #KEY_VARIABLE}; null or "" = none
     * @param insecure whether pictures and key may go unencrypted to another machine
     * @throws IllegalArgumentException when one cannot be used; the message names it
     */
    public static LlmOptions of(String url, String model, @Nullable String key, boolean insecure) {
        return new LlmOptions(
                base(url, insecure),
                model.strip(),
                key == null ? "" : key.strip(),
                DEFAULT_TIMEOUT,
                DEFAULT_RETRIES,
                DEFAULT_MAX_CALLS,
                DEFAULT_CONCURRENCY,
                0,
                true);
    }

    public LlmOptions withTimeout(Duration timeout) {
        return new LlmOptions(baseUrl, model, key, timeout, retries, maxCalls, concurrency, temperature, jsonMode);
    }

    public LlmOptions withRetries(int retries) {
        return new LlmOptions(baseUrl, model, key, timeout, retries, maxCalls, concurrency, temperature, jsonMode);
    }

    public LlmOptions withMaxCalls(int maxCalls) {
        return new LlmOptions(baseUrl, model, key, timeout, retries, maxCalls, concurrency, temperature, jsonMode);
    }

    private static URI base(String url, boolean insecure) {
        String stripped = url.strip();
        while (stripped.endsWith("/")) {
            stripped = stripped.substring(0, stripped.length() - 1);
        }
        if (stripped.endsWith(CHAT)) {
            stripped = stripped.substring(0, stripped.length() - CHAT.length());
        }
        URI uri;
        try {
            uri = new URI(stripped);
        } catch (URISyntaxException e) {
            // What is no URL may hold anything, and is not repeated.
            throw new IllegalArgumentException("llm: not a URL (expected: such as http://localhost:11434/v1)");
        }
        String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
        String host = uri.getHost();
        if (host == null || !scheme.equals("http") && !scheme.equals("https")) {
            throw new IllegalArgumentException(
                    "llm: not a http or https URL with a host (expected: such as http://localhost:11434/v1)");
        }
        if (uri.getRawUserInfo() != null || uri.getRawQuery() != null || uri.getRawFragment() != null) {
            throw new IllegalArgumentException(
                    "llm: has a user, a query or a fragment (expected: scheme, host, port and path; "
                            + "the key goes into the environment variable " + KEY_VARIABLE + ")");
        }
        if (scheme.equals("http") && !insecure && !isLoopback(host)) {
            throw new IllegalArgumentException("llm: " + uri
                    + " is neither encrypted nor on this machine (expected: https, or --llm-insecure beside it)");
        }
        return uri;
    }

    /** By the name alone: what a name server answers may change between now and the call. */
    private static boolean isLoopback(String host) {
        String name = host.toLowerCase(Locale.ROOT);
        String bare = name.startsWith("[") && name.endsWith("]") ? name.substring(1, name.length() - 1) : name;
        return name.equals("localhost")
                || InetAddresses.isInetAddress(bare)
                        && InetAddresses.forString(bare).isLoopbackAddress();
    }

    /** Where calls go. */
    URI endpoint() {
        return URI.create(baseUrl + CHAT);
    }

    @Override
    public String toString() {
        return "LlmOptions[" + baseUrl + ", " + model + ", " + (key.isEmpty() ? "no key" : "a key") + "]";
    }
}
