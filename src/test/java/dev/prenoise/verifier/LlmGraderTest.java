package dev.prenoise.verifier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.prenoise.image.Picture;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** Against a real HTTP server on this machine that answers, or does not, as services do. */
@Timeout(60)
class LlmGraderTest {
    private static final String KEY = "sk-secret-0123456789abcdef";

    @TempDir
    Path folder;

    private HttpServer server;
    private ExecutorService threads;
    private final List<JsonObject> requests = Collections.synchronizedList(new ArrayList<>());
    private final List<String> authorizations = Collections.synchronizedList(new ArrayList<>());
    private final CountDownLatch release = new CountDownLatch(1);
    private volatile Handler handler = (exchange, call) -> reply(exchange, 200, grade(5));

    private interface Handler {
        void handle(HttpExchange exchange, int call) throws IOException, InterruptedException;
    }

    @BeforeEach
    void start() throws IOException {
        AtomicInteger calls = new AtomicInteger();
        threads = Executors.newCachedThreadPool();
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/v1/chat/completions", exchange -> {
            int call = calls.incrementAndGet();
            String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            requests.add(JsonParser.parseString(body).getAsJsonObject());
            authorizations.add(String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")));
            try {
                handler.handle(exchange, call);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } finally {
                exchange.close();
            }
        });
        server.start();
    }

    @AfterEach
    void stop() {
        release.countDown();
        server.stop(0);
        threads.shutdownNow();
    }

    private LlmOptions options() {
        return LlmOptions.of("http://127.0.0.1:" + server.getAddress().getPort() + "/v1", "seer", KEY, false)
                .withRetries(2)
                .withTimeout(Duration.ofSeconds(20));
    }

    private LlmJudge judge(LlmOptions options, Question question) {
        return new LlmJudge(
                options, new LlmClient(options, Duration.ofMillis(10)), new LlmCache(folder.resolve("llm")), question);
    }

    private LlmJudge judge() {
        return judge(options(), Question.of("a red circle"));
    }

    private static void reply(HttpExchange exchange, int status, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    private static String completion(String content) {
        JsonObject message = new JsonObject();
        message.addProperty("role", "assistant");
        message.addProperty("content", content);
        JsonObject choice = new JsonObject();
        choice.add("message", message);
        JsonArray choices = new JsonArray();
        choices.add(choice);
        JsonObject body = new JsonObject();
        body.add("choices", choices);
        return body.toString();
    }

    private static String grade(double overall) {
        return completion("{\"overall\": {\"reason\": \"so\", \"score\": " + overall + "}}");
    }

    private static List<Shot> shots(int count) {
        List<Shot> shots = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            byte[] rgb = new byte[4 * 2 * 3];
            Arrays.fill(rgb, (byte) i);
            shots.add(new Shot(new Picture(4, 2, rgb), null));
        }
        return shots;
    }

    /** The first byte of the picture that came: which of {@link #shots} it is. */
    private static int shown(JsonObject request) {
        try {
            String url =
                    content(request, 1).getAsJsonObject("image_url").get("url").getAsString();
            byte[] png = Base64.getDecoder().decode(url.substring("data:image/png;base64,".length()));
            return ImageIO.read(new ByteArrayInputStream(png)).getRGB(0, 0) & 0xff;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static JsonObject content(JsonObject request, int part) {
        return request.getAsJsonArray("messages")
                .get(1)
                .getAsJsonObject()
                .getAsJsonArray("content")
                .get(part)
                .getAsJsonObject();
    }

    @Test
    void score_ofAServiceThatAnswers_isTheOverallGradeOfEachPictureInOrder() {
        handler = (exchange, call) -> {
            JsonObject mine = requests.get(requests.size() - 1);
            reply(exchange, 200, grade(shown(mine)));
        };
        LlmOptions one = new LlmOptions(options().baseUrl(), "seer", KEY, Duration.ofSeconds(20), 0, 100, 1, 0, true);

        try (LlmJudge judge = judge(one, Question.of("a red circle"))) {
            assertThat(judge.score(shots(6))).containsExactly(0, 1, 2, 3, 4, 5);
            assertThat(judge.warnings()).isEmpty();
            assertThat(judge.remote()).isTrue();
        }
        JsonObject request = requests.get(0);
        assertThat(request.get("model").getAsString()).isEqualTo("seer");
        assertThat(request.get("temperature").getAsDouble()).isZero();
        assertThat(request.getAsJsonObject("response_format").get("type").getAsString())
                .isEqualTo("json_object");
        assertThat(content(request, 0).get("text").getAsString()).contains("a red circle");
        assertThat(authorizations).containsOnly("Bearer " + KEY);
    }

    @Test
    void score_ofManyPictures_asksForSeveralAtATime() throws InterruptedException {
        CountDownLatch four = new CountDownLatch(4);
        handler = (exchange, call) -> {
            four.countDown();
            // Answers only once as many are there as may be.
            four.await(20, TimeUnit.SECONDS);
            reply(exchange, 200, grade(5));
        };

        try (LlmJudge judge = judge()) {
            assertThat(judge.score(shots(8))).hasSize(8).containsOnly(5);
        }
        assertThat(four.getCount()).isZero();
    }

    @Test
    void score_ofTheSamePictureAgain_comesFromTheCache() throws IOException {
        try (LlmJudge judge = judge()) {
            Shot shot = shots(1).get(0);
            assertThat(judge.score(List.of(shot, shot))).containsExactly(5, 5);
        }
        try (LlmJudge later = judge()) {
            assertThat(later.score(shots(1))).containsExactly(5);
        }
        assertThat(requests).hasSize(1);

        try (LlmJudge otherPrompt = judge(options(), Question.of("a blue circle"));
                LlmJudge otherInstructions = judge(options(), new Question("a red circle", "", "Be kind."))) {
            otherPrompt.score(shots(1));
            otherInstructions.score(shots(1));
        }
        assertThat(requests).hasSize(3);
        try (Stream<Path> files = Files.list(folder.resolve("llm"))) {
            assertThat(files.toList()).hasSize(3).allSatisfy(file -> assertThat(Files.readString(file))
                    .doesNotContain("circle", KEY, "Be kind"));
        }
    }

    @Test
    void score_ofAServiceThatRecovers_isTheGrade() {
        handler = (exchange, call) -> {
            if (call == 1) {
                reply(exchange, 500, "oops");
            } else if (call == 2) {
                exchange.getResponseHeaders().add("Retry-After", "1");
                reply(exchange, 429, "{}");
            } else {
                reply(exchange, 200, grade(8));
            }
        };

        long begin = System.nanoTime();
        try (LlmJudge judge = judge()) {
            assertThat(judge.score(shots(1))).containsExactly(8);
            assertThat(judge.warnings()).isEmpty();
        }
        assertThat(requests).hasSize(3);
        assertThat(Duration.ofNanos(System.nanoTime() - begin)).isGreaterThan(Duration.ofMillis(990));
    }

    @Test
    void score_ofAServiceThatAsksForAnHour_doesNotWait() {
        handler = (exchange, call) -> {
            exchange.getResponseHeaders().add("Retry-After", "3600");
            reply(exchange, 429, "{}");
        };

        try (LlmJudge judge = judge()) {
            assertThat(judge.score(shots(1))).containsExactly(Double.NaN);
            assertThat(judge.warnings()).containsExactly("llm: 1 of 1 pictures not graded: HTTP 429");
        }
        assertThat(requests).hasSize(1);
    }

    @Test
    void score_ofAServiceThatFailsForSomePictures_saysHowMany() {
        handler = (exchange, call) -> {
            JsonObject mine = requests.get(requests.size() - 1);
            boolean bad = shown(mine) == 1;
            reply(exchange, bad ? 500 : 200, bad ? "oops" : grade(6));
        };
        LlmOptions one = new LlmOptions(options().baseUrl(), "seer", "", Duration.ofSeconds(20), 2, 100, 1, 0, true);

        try (LlmJudge judge = judge(one, Question.of("x"))) {
            assertThat(judge.score(shots(3))).containsExactly(6, Double.NaN, 6);
            assertThat(judge.warnings()).containsExactly("llm: 1 of 3 pictures not graded: HTTP 500");
        }
        assertThat(requests).hasSize(5);
        assertThat(authorizations).containsOnly("null");
    }

    @Test
    void score_ofAServiceThatIsDown_isTriedOnceInEight() {
        handler = (exchange, call) -> reply(exchange, 503, "");
        LlmOptions one = new LlmOptions(options().baseUrl(), "seer", KEY, Duration.ofSeconds(20), 1, 100, 1, 0, true);

        try (LlmJudge judge = judge(one, Question.of("x"))) {
            assertThat(judge.score(shots(20))).containsOnly(Double.NaN);
            assertThat(judge.warnings()).containsExactly("llm: 20 of 20 pictures not graded: HTTP 503");
            // four with a retry each, then two of sixteen
            assertThat(requests).hasSize(10);

            handler = (exchange, call) -> reply(exchange, 200, grade(4));
            // seven are passed over, then the service is tried, answers, and is asked again
            assertThat(judge.score(shots(30).subList(20, 30))).endsWith(4, 4, 4).startsWith(Double.NaN);
        }
    }

    @Test
    void score_ofNonsense_isAskedOnceMoreAndThenNaN() {
        handler = (exchange, call) -> reply(exchange, 200, completion("A lovely picture, seven of ten!"));

        try (LlmJudge judge = judge()) {
            assertThat(judge.score(shots(1))).containsExactly(Double.NaN);
            assertThat(judge.warnings()).containsExactly("llm: 1 of 1 pictures not graded: no grades in the answer");
        }
        assertThat(requests).hasSize(2);
        assertThat(content(requests.get(1), 0).get("text").getAsString()).contains("could not be read");

        handler = (exchange, call) ->
                reply(exchange, 200, call % 2 == 1 ? completion("{\"overall\": \"good\"}") : grade(7));
        try (LlmJudge judge = judge()) {
            assertThat(judge.score(shots(1))).containsExactly(7);
        }
    }

    @Test
    void score_ofWhatIsNoChatCompletion_isNaN() {
        List<String> bodies = List.of(
                "<html>hello</html>",
                "[]",
                "{\"choices\": []}",
                "{\"choices\": 3}",
                "{\"choices\": [7]}",
                "{\"choices\": [{\"message\": \"no\"}]}",
                "{\"choices\": [{\"message\": {\"content\": null}}]}",
                "{\"choices\": [{\"message\": {\"content\": {\"a\": 1}}}]}");
        for (int i = 0; i < bodies.size(); i++) {
            String body = bodies.get(i);
            handler = (exchange, call) -> reply(exchange, 200, body);
            try (LlmJudge judge = judge()) {
                assertThat(judge.score(shots(i + 1).subList(i, i + 1))).as(body).containsExactly(Double.NaN);
                assertThat(judge.warnings())
                        .containsExactly("llm: 1 of 1 pictures not graded: the answer is no chat completion");
            }
        }
    }

    @Test
    void score_ofContentInParts_readsTheirTexts() {
        handler = (exchange, call) -> reply(
                exchange,
                200,
                "{\"choices\": [{\"message\": {\"content\": [{\"type\": \"text\", \"text\": \"{\\\"overall\\\":\"},"
                        + " {\"type\": \"text\", \"text\": \" 3}\"}]}}]}");

        try (LlmJudge judge = judge()) {
            assertThat(judge.score(shots(1))).containsExactly(3);
        }
    }

    @Test
    void score_ofAServiceThatHangs_isNaNAfterTheTimeout() {
        handler = (exchange, call) -> release.await();
        LlmOptions hasty = options().withTimeout(Duration.ofMillis(200)).withRetries(1);

        try (LlmJudge judge = judge(hasty, Question.of("x"))) {
            assertThat(judge.score(shots(1))).containsExactly(Double.NaN);
            assertThat(judge.warnings()).containsExactly("llm: 1 of 1 pictures not graded: no answer within 0.2 s");
        }
        assertThat(requests).hasSize(2);
    }

    @Test
    void score_ofABodyThatDrips_isNaNAfterTheTimeout() {
        handler = (exchange, call) -> {
            exchange.sendResponseHeaders(200, 0);
            OutputStream out = exchange.getResponseBody();
            while (release.getCount() > 0) {
                out.write(' ');
                out.flush();
                Thread.sleep(20);
            }
        };
        LlmOptions hasty = options().withTimeout(Duration.ofMillis(300)).withRetries(0);

        try (LlmJudge judge = judge(hasty, Question.of("x"))) {
            assertThat(judge.score(shots(1))).containsExactly(Double.NaN);
            assertThat(judge.warnings()).containsExactly("llm: 1 of 1 pictures not graded: no answer within 0.3 s");
        }
    }

    @Test
    void score_ofAHugeBody_isNaN() {
        handler = (exchange, call) -> {
            exchange.sendResponseHeaders(200, 0);
            byte[] block = new byte[1 << 16];
            try {
                for (int i = 0; i < 10_000; i++) {
                    exchange.getResponseBody().write(block);
                }
            } catch (IOException e) {
                // The other side has hung up, as it should.
                release.countDown();
            }
        };

        try (LlmJudge judge = judge(options().withRetries(0), Question.of("x"))) {
            assertThat(judge.score(shots(1))).containsExactly(Double.NaN);
            assertThat(judge.warnings())
                    .containsExactly("llm: 1 of 1 pictures not graded: the answer is longer than 1 MiB");
        }
    }

    @Test
    void score_whenNobodyListens_isNaN() throws IOException {
        int port;
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = taken.getLocalPort();
        }
        LlmOptions nowhere = LlmOptions.of("http://127.0.0.1:" + port + "/v1", "seer", KEY, false)
                .withRetries(1);

        try (LlmJudge judge = judge(nowhere, Question.of("x"))) {
            assertThat(judge.score(shots(1))).containsExactly(Double.NaN);
            assertThat(judge.warnings()).containsExactly("llm: 1 of 1 pictures not graded: no connection");
        }
    }

    @Test
    void score_whenTheSearchIsStopped_endsSoon() {
        handler = (exchange, call) -> release.await();
        AtomicBoolean stopped = new AtomicBoolean();
        threads.execute(() -> {
            while (requests.isEmpty()) {
                Thread.onSpinWait();
            }
            stopped.set(true);
        });

        try (LlmJudge judge = judge()) {
            long begin = System.nanoTime();
            assertThatThrownBy(() -> judge.score(shots(3), stopped::get)).isInstanceOf(CancellationException.class);
            assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(5));
        }
    }

    @Test
    void score_beyondTheLimitOfCalls_isNaNAndSaidOnce() {
        LlmOptions poor = new LlmOptions(options().baseUrl(), "seer", KEY, Duration.ofSeconds(20), 2, 2, 1, 0, true);

        try (LlmJudge judge = judge(poor, Question.of("x"))) {
            assertThat(judge.score(shots(5))).containsExactly(5, 5, Double.NaN, Double.NaN, Double.NaN);
            assertThat(judge.warnings())
                    .containsExactly(
                            "llm: 3 of 5 pictures not graded: the search's limit of 2 calls is spent (--llm-max-calls)");
            // what was graded once costs no call
            assertThat(judge.score(shots(2))).containsExactly(5, 5);
        }
        assertThat(requests).hasSize(2);
    }

    @Test
    void score_ofAServiceThatKnowsNoJsonMode_isAskedWithoutIt() {
        handler = (exchange, call) -> {
            JsonObject mine = requests.get(requests.size() - 1);
            boolean refused = mine.has("response_format") || mine.has("temperature");
            reply(exchange, refused ? 400 : 200, refused ? "{\"error\": {\"message\": \"unknown\"}}" : grade(9));
        };
        LlmOptions one = new LlmOptions(options().baseUrl(), "seer", KEY, Duration.ofSeconds(20), 0, 100, 1, 0, true);

        try (LlmJudge judge = judge(one, Question.of("x"))) {
            assertThat(judge.score(shots(2))).containsExactly(9, 9);
        }
        assertThat(requests).hasSize(3);
        try (LlmJudge later = judge(one, Question.of("x"))) {
            assertThat(later.score(shots(2))).containsExactly(9, 9);
        }
        assertThat(requests)
                .as("a grade that was given plainly is paid for once as well")
                .hasSize(3);
    }

    @Test
    void score_ofAPictureGradedInJsonMode_isNotThatOfAServiceAskedPlainlySince() {
        handler =
                (exchange, call) -> reply(exchange, call == 2 ? 400 : 200, call == 2 ? "{}" : grade(call == 1 ? 5 : 9));
        LlmOptions one = new LlmOptions(options().baseUrl(), "seer", KEY, Duration.ofSeconds(20), 0, 100, 1, 0, true);

        try (LlmJudge judge = judge(one, Question.of("x"))) {
            assertThat(judge.score(shots(1))).containsExactly(5);
            assertThat(judge.score(shots(2))).containsExactly(5, 9);
            assertThat(judge.score(shots(2))).containsExactly(9, 9);
        }
        assertThat(requests).hasSize(4);
    }

    @Test
    void score_ofAPictureThatIsRefusedEitherWay_leavesJsonModeToTheNext() {
        handler = (exchange, call) -> reply(exchange, call <= 2 ? 400 : 200, call <= 2 ? "{}" : grade(9));
        LlmOptions one = new LlmOptions(options().baseUrl(), "seer", KEY, Duration.ofSeconds(20), 0, 100, 1, 0, true);

        try (LlmJudge judge = judge(one, Question.of("x"))) {
            assertThat(judge.score(shots(2))).containsExactly(Double.NaN, 9);
        }
        assertThat(requests)
                .extracting(request -> request.has("response_format") && request.has("temperature"))
                .containsExactly(true, false, true);
    }

    @Test
    void score_ofAServiceThatRedirects_isNaNAndTheKeyStaysHere() {
        AtomicInteger elsewhere = new AtomicInteger();
        server.createContext("/elsewhere", exchange -> {
            elsewhere.incrementAndGet();
            exchange.close();
        });
        handler = (exchange, call) -> {
            exchange.getResponseHeaders().add("Location", "/elsewhere");
            reply(exchange, 307, "");
        };

        try (LlmJudge judge = judge()) {
            assertThat(judge.score(shots(2))).containsOnly(Double.NaN);
            assertThat(judge.warnings())
                    .containsExactly("llm: 2 of 2 pictures not graded: HTTP 307, redirects are not followed");
        }
        assertThat(elsewhere).hasValue(0);
    }

    @Test
    void score_ofAServiceThatRepeatsTheKey_doesNotTellIt() throws IOException {
        Logger logger = (Logger) LoggerFactory.getLogger("ROOT");
        Level before = logger.getLevel();
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.start();
        logger.addAppender(log);
        logger.setLevel(Level.ALL);
        List<String> told = new ArrayList<>();
        try {
            for (int status : List.of(400, 401, 402, 404, 500)) {
                handler = (exchange, call) ->
                        reply(exchange, status, "{\"error\": {\"message\": \"bad key: Bearer " + KEY + "\"}}");
                try (LlmJudge judge = judge()) {
                    assertThat(judge.score(shots(3))).containsOnly(Double.NaN);
                    told.addAll(judge.warnings());
                }
            }
            handler = (exchange, call) -> reply(
                    exchange,
                    200,
                    completion("{\"overall\": 5, \"quality\": {\"score\": 5, \"reason\": \"" + KEY + "\"}}"));
            try (LlmJudge judge = judge()) {
                assertThat(judge.score(shots(1))).containsExactly(5);
            }
        } finally {
            logger.detachAppender(log);
            logger.setLevel(before);
        }
        log.list.forEach(event -> told.add(event.getFormattedMessage() + event.getThrowableProxy()));
        try (Stream<Path> files = Files.list(folder.resolve("llm"))) {
            for (Path file : files.toList()) {
                told.add(Files.readString(file));
            }
        }
        told.add(options().toString());
        assertThat(told).hasSizeGreaterThan(7).allSatisfy(line -> assertThat(line)
                .doesNotContain(KEY));
        assertThat(told).anySatisfy(line -> assertThat(line).contains("the key is refused (PRENOISE_LLM_KEY)"));
    }

    @Test
    void score_ofAServiceThatRefusesTheKey_isAskedNoMore() {
        handler = (exchange, call) -> reply(exchange, 401, "{}");
        LlmOptions one = new LlmOptions(options().baseUrl(), "seer", "", Duration.ofSeconds(20), 2, 100, 1, 0, true);

        try (LlmJudge judge = judge(one, Question.of("x"))) {
            assertThat(judge.score(shots(6))).containsOnly(Double.NaN);
            assertThat(judge.warnings())
                    .containsExactly(
                            "llm: 6 of 6 pictures not graded: HTTP 401, the key is missing (PRENOISE_LLM_KEY)");
        }
        assertThat(requests).hasSize(1);
    }

    @Test
    void cache_withMoreThanItHolds_losesTheOldest() throws IOException {
        LlmCache cache = new LlmCache(folder.resolve("small"), 10);
        LlmGrade grade = LlmGrade.read("{\"overall\": 5}");
        for (int i = 0; i < 40; i++) {
            cache.put("key" + i, grade);
            Files.setLastModifiedTime(folder.resolve("small/key" + i + ".json"), FileTime.fromMillis(1000L * i));
        }

        try (Stream<Path> files = Files.list(folder.resolve("small"))) {
            assertThat(files.count()).isEqualTo(10);
        }
        assertThat(cache.get("key0")).isNull();
        assertThat(cache.get("key39")).isEqualTo(grade);
    }

    @Test
    void cache_withADamagedFile_asksAgain() throws IOException {
        LlmCache cache = new LlmCache(folder);
        Files.writeString(folder.resolve("broken.json"), "{\"overall\": ");

        assertThat(cache.get("broken")).isNull();
        assertThat(LlmCache.key("ab".getBytes(StandardCharsets.UTF_8), "c".getBytes(StandardCharsets.UTF_8)))
                .isNotEqualTo(
                        LlmCache.key("a".getBytes(StandardCharsets.UTF_8), "bc".getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void offer_withoutAService_saysWhatToSet() {
        VerifierOffer offer = LlmGrader.offer(null, folder);

        assertThat(offer.name()).isEqualTo("llm");
        assertThat(offer.problem()).contains("--llm URL", "--llm-model NAME", "PRENOISE_LLM_KEY");
        assertThat(LlmGrader.offer(options(), folder).problem()).isNull();
    }

    @Test
    void options_ofAUrlThatCannotBeUsed_areRefusedWithoutRepeatingSecrets() {
        for (String url : List.of(
                "ftp://127.0.0.1/v1",
                "http:/v1",
                "not a url",
                "",
                "https://me:" + KEY + "@example.org/v1",
                "https://example.org/v1?key=" + KEY)) {
            assertThatThrownBy(() -> LlmOptions.of(url, "m", KEY, false))
                    .as(url)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("llm: ")
                    .hasMessageNotContaining(KEY);
        }
        assertThatThrownBy(() -> LlmOptions.of("http://10.0.0.1/v1", "m", KEY, false))
                .hasMessageContaining("--llm-insecure");
        assertThat(LlmOptions.of("http://10.0.0.1/v1", "m", KEY, true).endpoint())
                .hasToString("http://10.0.0.1/v1/chat/completions");
        assertThat(LlmOptions.of("http://[::1]:8000/v1/chat/completions", "m", KEY, false)
                        .endpoint())
                .hasToString("http://[::1]:8000/v1/chat/completions");
    }
}
