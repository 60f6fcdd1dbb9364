package dev.prenoise.verifier;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.prenoise.verifier.LlmFailure.Scope;
import java.net.ConnectException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Base64;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Asks an OpenAI-compatible service about a picture, and asks again where that may help: after 408, 429, 5xx, a lost connection or no answer
 * in time; each time after a longer pause, or the one that the service asks for. Redirects are not followed: the key is for one service.
 *
 * <p>Thread-safe. An interrupted caller stops waiting at once and its connection is closed.
 */
final class LlmClient {
    private static final int LONGEST_ANSWER = 1 << 20;
    private static final Duration FIRST_PAUSE = Duration.ofMillis(500);

    /** A service that wants longer is not waited for. */
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(60);

    private final LlmOptions options;
    private final Duration firstPause;
    private final HttpClient http;

    /** The service refused what not every service knows: JSON mode and temperature. */
    private volatile boolean plain;

    LlmClient(LlmOptions options) {
        this(options, FIRST_PAUSE);
    }

    /**
     * @param firstPause before a call is made again, half as long to half as long again; then twice as long each time
     */
    LlmClient(LlmOptions options, Duration firstPause) {
        this.options = options;
        this.firstPause = firstPause;
        this.http = HttpClient.newBuilder()
                // Some local services stumble over the offer of HTTP/2 that an unencrypted connection begins with.
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(options.timeout())
                .build();
    }

    /**
     * @param allowed asked before each call, which it counts; false = there must be none
     * @param retries of a call that failed for a reason that may pass
     * @param jitter says how pauses differ from those of other pictures, so that these do not all come back at once
     * @return what the model wrote, and whether it was asked plainly
     */
    Answer ask(LlmWording wording, byte[] png, BooleanSupplier allowed, int retries, long jitter)
            throws LlmFailure, InterruptedException {
        SplittableRandom random = new SplittableRandom(jitter);
        int failed = 0;
        boolean asPlain = plain;
        while (true) {
            if (!allowed.getAsBoolean()) {
                throw new LlmFailure(
                        Scope.SEARCH,
                        "the search's limit of " + options.maxCalls() + " calls is spent (--llm-max-calls)");
            }
            Duration asked = Duration.ZERO;
            String failure;
            HttpResponse<byte[]> response = null;
            try {
                response = send(body(wording, png, asPlain));
                failure = "HTTP " + response.statusCode();
            } catch (TimeoutException e) {
                failure = "no answer within " + seconds(options.timeout());
            } catch (ExecutionException e) {
                failure = connection(e.getCause() == null ? e : e.getCause());
            }
            if (response != null) {
                int status = response.statusCode();
                if (status == 200) {
                    if (asPlain) {
                        plain = true;
                    }
                    return new Answer(written(text(response)), asPlain);
                }
                if ((status == 400 || status == 422) && !asPlain) {
                    // What is refused may as well be this one picture: only an answer tells.
                    asPlain = true;
                    continue;
                }
                if (!mayPass(status)) {
                    throw refused(status, text(response));
                }
                asked = retryAfter(response);
            }
            Duration pause = pause(failed, random);
            pause = asked.compareTo(pause) > 0 ? asked : pause;
            if (failed == retries || pause.compareTo(LONGEST_PAUSE) > 0) {
                throw new LlmFailure(Scope.SERVICE, failure);
            }
            failed++;
            Thread.sleep(pause.toMillis());
        }
    }

    /**
     * @param plain without JSON mode and temperature
     */
    record Answer(String text, boolean plain) {}

    /** Whether the service is asked plainly from now on. */
    boolean plain() {
        return plain;
    }

    private HttpResponse<byte[]> send(String body) throws InterruptedException, ExecutionException, TimeoutException {
        HttpRequest.Builder request = HttpRequest.newBuilder(options.endpoint())
                .header("Content-Type", "application/json")
                .header("Accept", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body));
        if (!options.key().isEmpty()) {
            request.header("Authorization", "Bearer " + options.key());
        }
        CompletableFuture<HttpResponse<byte[]>> answer =
                http.sendAsync(request.build(), response -> new LimitedBody(LONGEST_ANSWER));
        try {
            // The client's own limit ends with the headers: a body that drips would hold us for ever.
            return answer.get(options.timeout().toMillis(), TimeUnit.MILLISECONDS);
        } finally {
            answer.cancel(true);
        }
    }

    private String body(LlmWording wording, byte[] png, boolean asPlain) {
        JsonObject url = new JsonObject();
        url.addProperty("url", "data:image/png;base64," + Base64.getEncoder().encodeToString(png));
        JsonObject image = new JsonObject();
        image.addProperty("type", "image_url");
        image.add("image_url", url);
        JsonObject text = new JsonObject();
        text.addProperty("type", "text");
        text.addProperty("text", wording.user());
        JsonArray content = new JsonArray();
        content.add(text);
        content.add(image);
        JsonObject system = new JsonObject();
        system.addProperty("role", "system");
        system.addProperty("content", wording.system());
        JsonObject user = new JsonObject();
        user.addProperty("role", "user");
        user.add("content", content);
        JsonArray messages = new JsonArray();
        messages.add(system);
        messages.add(user);
        JsonObject request = new JsonObject();
        request.addProperty("model", options.model());
        request.add("messages", messages);
        if (!asPlain) {
            request.addProperty("temperature", options.temperature());
        }
        if (!asPlain && options.jsonMode()) {
            JsonObject format = new JsonObject();
            format.addProperty("type", "json_object");
            request.add("response_format", format);
        }
        return request.toString();
    }

    /** Without the key, should the service repeat it. */
    private String text(HttpResponse<byte[]> response) {
        String text = new String(response.body(), StandardCharsets.UTF_8);
        return options.key().isEmpty() ? text : text.replace(options.key(), "***");
    }

    private static String written(String body) throws LlmFailure {
        JsonElement content = content(body);
        if (content != null && content.isJsonPrimitive()) {
            return content.getAsString();
        }
        if (content != null && content.isJsonArray()) {
            StringBuilder text = new StringBuilder();
            for (JsonElement part : content.getAsJsonArray()) {
                JsonElement words = member(part, "text");
                if (words != null && words.isJsonPrimitive()) {
                    text.append(words.getAsString());
                }
            }
            return text.toString();
        }
        throw new LlmFailure(Scope.SERVICE, "the answer is no chat completion");
    }

    /** {@code choices[0].message.content}. */
    private static @Nullable JsonElement content(String body) {
        JsonElement root;
        try {
            root = JsonParser.parseString(body);
        } catch (JsonParseException e) {
            return null;
        }
        JsonElement choices = member(root, "choices");
        if (choices == null
                || !choices.isJsonArray()
                || choices.getAsJsonArray().isEmpty()) {
            return null;
        }
        JsonElement message = member(choices.getAsJsonArray().get(0), "message");
        return message == null ? null : member(message, "content");
    }

    private static @Nullable JsonElement member(JsonElement element, String name) {
        return element.isJsonObject() ? element.getAsJsonObject().get(name) : null;
    }

    private static boolean mayPass(int status) {
        return status == 408 || status == 429 || status >= 500;
    }

    private LlmFailure refused(int status, String body) {
        return switch (status) {
            // What these say may repeat parts of the key.
            case 401, 403 ->
                new LlmFailure(
                        Scope.SEARCH,
                        "HTTP " + status + ", the key is "
                                + (options.key().isEmpty() ? "missing" : "refused")
                                + " (" + LlmOptions.KEY_VARIABLE + ")");
            case 404, 405 ->
                new LlmFailure(
                        Scope.SEARCH,
                        "HTTP " + status + ", there is no such model or no chat at " + options.endpoint());
            case 400, 413, 415, 422 -> new LlmFailure(Scope.PICTURE, "HTTP " + status + said(body));
            default ->
                new LlmFailure(
                        Scope.SEARCH,
                        "HTTP " + status + (status / 100 == 3 ? ", redirects are not followed" : said(body)));
        };
    }

    /** {@code error.message}, its beginning. */
    private static String said(String body) {
        JsonElement message = null;
        try {
            JsonElement error = member(JsonParser.parseString(body), "error");
            message = error == null ? null : member(error, "message");
        } catch (JsonParseException e) {
            // What is no JSON is a page for browsers.
        }
        if (message == null || !message.isJsonPrimitive()) {
            return "";
        }
        String line = message.getAsString().replaceAll("\\p{Cntrl}+", " ").strip();
        return ", \"" + (line.length() <= 120 ? line : line.substring(0, 120) + "...") + "\"";
    }

    private static String connection(Throwable cause) {
        if (cause instanceof LimitedBody.TooLongException) {
            return "the answer is longer than " + (LONGEST_ANSWER >> 20) + " MiB";
        }
        if (cause instanceof SSLException) {
            return "no encrypted connection";
        }
        return cause instanceof ConnectException ? "no connection" : "the connection broke";
    }

    private Duration pause(int failed, SplittableRandom random) {
        double scale = (1 << Math.min(failed, 10)) * (0.5 + random.nextDouble());
        return Duration.ofMillis(Math.min(LONGEST_PAUSE.toMillis(), Math.round(firstPause.toMillis() * scale)));
    }

    /** Seconds, or a date of HTTP. */
    private static Duration retryAfter(HttpResponse<?> response) {
        Optional<String> header = response.headers().firstValue("Retry-After");
        if (header.isEmpty()) {
            return Duration.ZERO;
        }
        String value = header.get().strip();
        if (value.matches("\\d{1,9}")) {
            return Duration.ofSeconds(Long.parseLong(value));
        }
        try {
            Instant until = ZonedDateTime.parse(value, DateTimeFormatter.RFC_1123_DATE_TIME)
                    .toInstant();
            Duration wait = Duration.between(Instant.now(), until);
            return wait.isNegative() ? Duration.ZERO : wait;
        } catch (DateTimeParseException e) {
            return Duration.ZERO;
        }
    }

    private static String seconds(Duration duration) {
        return duration.toMillis() / 1000.0 + " s";
    }
}
