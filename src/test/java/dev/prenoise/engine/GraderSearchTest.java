package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.search.BestOfN;
import dev.prenoise.search.Budget;
import dev.prenoise.search.Candidate;
import dev.prenoise.search.Outcome;
import dev.prenoise.search.SearchObserver;
import dev.prenoise.search.SeededCandidates;
import dev.prenoise.search.Spend;
import dev.prenoise.search.StopReason;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.LlmGrader;
import dev.prenoise.verifier.LlmOptions;
import dev.prenoise.verifier.Question;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A whole search on the built-in model beside a grader that answers once, then errs, talks nonsense and hangs. */
class GraderSearchTest {
    private static final String PROMPT = "a red circle and a blue square";

    @TempDir
    Path folder;

    @Test
    @Timeout(120)
    void search_besideAGraderThatFails_goesOnAndSaysWhatWasSkipped() throws IOException {
        CountDownLatch over = new CountDownLatch(1);
        ExecutorService threads = Executors.newCachedThreadPool();
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        AtomicInteger calls = new AtomicInteger();
        server.createContext("/v1/chat/completions", exchange -> {
            exchange.getRequestBody().readAllBytes();
            int call = calls.incrementAndGet();
            String content = call == 1 ? "{\\\"overall\\\": 7.5}" : "a fine picture";
            byte[] body = ("{\"choices\": [{\"message\": {\"content\": \"" + content + "\"}}]}")
                    .getBytes(StandardCharsets.UTF_8);
            try {
                if (call > 4) {
                    over.await();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            exchange.sendResponseHeaders(call == 2 ? 500 : 200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        LlmOptions base =
                LlmOptions.of("http://127.0.0.1:" + server.getAddress().getPort() + "/v1", "seer", "", false);
        // one call at a time, none made again: so each picture meets the next of the failures
        LlmOptions options = new LlmOptions(base.baseUrl(), "seer", "", Duration.ofSeconds(3), 0, 100, 1, 0, true);
        CatalogOptions with = CatalogOptions.of(folder.resolve("cache"))
                .withOffers(List.of(LlmGrader.offer(options, folder.resolve("cache"))));
        try (ModelCatalog catalog = Catalogs.create(with);
                PromptSession session = catalog.open("shapes")
                        .prepare(
                                new PromptSpec(PROMPT, "", List.of()),
                                new SamplingSpec("", "", 2, 0, List.of()),
                                List.of(),
                                0,
                                0);
                Judge oracle = catalog.verifiers().open("oracle").judge(Question.of(PROMPT));
                Judge grader = catalog.verifiers().open("llm").judge(Question.of(PROMPT))) {
            Panel panel = new Panel(List.of(new Panel.Member("oracle", oracle, 1), new Panel.Member("llm", grader, 1)));
            SeededCandidates source = SeededCandidates.of(1, NoiseSource.TORCH_CPU, session.noiseShape());

            Outcome outcome = new BestOfN()
                    .search(
                            source,
                            session.pictures(panel, PictureOptions.plain()),
                            new Budget(0, 8, Duration.ZERO, false),
                            new Undisturbed());

            assertThat(outcome.stopReason()).isEqualTo(StopReason.BUDGET);
            assertThat(outcome.ranked()).hasSize(4);
            assertThat(outcome.ranked())
                    .allSatisfy(each -> assertThat(each.terms().get("oracle")).isFinite());
            assertThat(outcome.ranked().stream()
                            .mapToDouble(each -> each.terms().get("llm")))
                    .containsOnlyOnce(7.5)
                    .contains(Double.NaN);
            assertThat(grader.warnings())
                    .containsExactly("llm: 3 of 4 pictures not graded: HTTP 500 (1); no grades in the answer (1);"
                            + " no answer within 3.0 s (1)");
        } finally {
            over.countDown();
            server.stop(0);
            threads.shutdownNow();
        }
    }

    private static final class Undisturbed implements SearchObserver {
        @Override
        public void scored(Candidate candidate, boolean bestSoFar, Spend spent) {}

        @Override
        public boolean stopRequested() {
            return false;
        }
    }
}
