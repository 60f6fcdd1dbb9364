package dev.prenoise.server.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.attention.LossForm;
import dev.prenoise.engine.PromptSpec;
import dev.prenoise.engine.SamplingSpec;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.search.Budget;
import dev.prenoise.server.FakeCatalog;
import dev.prenoise.server.SearchClient;
import dev.prenoise.server.grpc.Protos;
import dev.prenoise.server.store.SearchState;
import dev.prenoise.server.store.SearchStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who runs, who listens, and how soon a search stops, to the evaluation. */
class SearchesTest {
    private static final Illustrations NOTHING_DRAWN = new Illustrations(Include.NONE, false, 1);

    @TempDir
    Path folder;

    private final FakeCatalog catalog = new FakeCatalog();
    private final Semaphore turns = new Semaphore(0);
    private final Lane lane = new Lane("test");
    private SearchStore store;
    private Searches searches;

    @BeforeEach
    void open() {
        catalog.beforeEvaluation = prompt -> turns.acquire();
        store = SearchStore.open(folder, Protos.storeCodec());
        searches = new Searches(store, lane, catalog, Peers.NONE, 2);
    }

    @AfterEach
    void close() {
        turns.release(1_000_000);
        searches.drain(Duration.ZERO, Duration.ofSeconds(10));
        lane.close();
        store.close();
    }

    private Attachment attach(String id, int lossEvaluations) {
        SearchSpec spec = new SearchSpec(
                id,
                new byte[0],
                "fingerprint " + lossEvaluations,
                new CatalogModel(FakeCatalog.ID, SamplingSpec.DEFAULT, List.of(), 0, 0),
                new PromptSpec("a cat", "", List.of()),
                7,
                NoiseSource.TORCH_CPU,
                null,
                new AttentionStrategy("initno", LossForm.RANKING, false, null),
                new AskedBudget(Budget.ofLossEvaluations(lossEvaluations), 0));
        return searches.attach(spec, NOTHING_DRAWN, () -> {});
    }

    private void awaitEvaluation(int index) {
        SearchClient.await(() -> catalog.evaluations.size() == index && turns.hasQueuedThreads());
    }

    @Test
    void detach_ofTheLastListener_stopsWithinTheEvaluationThatRuns() {
        Attachment search = attach("s", 1000);
        turns.release(3);
        awaitEvaluation(3);
        search.detach();
        turns.release(1000);

        SearchClient.await(() -> search.end() != null);
        assertThat(search.end()).isInstanceOf(SearchEnd.Cancelled.class);
        assertThat(catalog.evaluations).hasSize(4);
        assertThat(store.count("s"))
                .as("what the last evaluation found is kept")
                .isEqualTo(4);
        assertThat(store.search("s").state()).isEqualTo(SearchState.CANCELLED);
    }

    @Test
    void detach_whileTheSearchWaitsForItsTurn_spendsNoneOnIt() {
        Attachment running = attach("running", 1000);
        turns.release(1);
        awaitEvaluation(1);
        Attachment waiting = attach("waiting", 1000);
        waiting.detach();
        running.detach();
        turns.release(1000);

        SearchClient.await(() -> waiting.end() != null && running.end() != null);
        assertThat(waiting.announced()).isZero();
        assertThat(catalog.evaluations).hasSize(2);
        assertThat(store.search("waiting")).as("it never began").isNull();
    }

    @Test
    void detach_ofOneOfTwo_letsTheSearchGoOn() {
        Attachment first = attach("s", 5);
        Attachment second = attach("s", 5);
        turns.release(2);
        awaitEvaluation(2);
        first.detach();
        turns.release(3);

        SearchClient.await(() -> second.end() != null);
        assertThat(second.end()).isInstanceOf(SearchEnd.Done.class);
        assertThat(second.announced()).isEqualTo(5);
    }

    @Test
    void attach_whileTheSearchIsStopping_goesOnWhenItHasStopped() {
        Attachment first = attach("s", 6);
        turns.release(3);
        awaitEvaluation(3);
        first.detach();
        Attachment again = attach("s", 6);
        turns.release(1000);

        SearchClient.await(() -> again.end() != null);
        assertThat(again.end()).isInstanceOf(SearchEnd.Done.class);
        assertThat(first.end()).isInstanceOf(SearchEnd.Cancelled.class);
        assertThat(catalog.evaluations).as("none is computed twice").hasSize(6);
    }

    @Test
    void attach_beyondTheMost_isBusyAndToARunningOneIsNot() {
        attach("a", 5);
        attach("b", 5);
        assertThatThrownBy(() -> attach("c", 5))
                .isInstanceOfSatisfying(BusyException.class, busy -> assertThat(busy.retryDelay())
                        .isBetween(Duration.ofSeconds(1), Duration.ofMinutes(1)));
        assertThat(attach("a", 5).searchId()).isEqualTo("a");
    }

    @Test
    void attach_toAnotherRequestsId_isRefused() {
        attach("a", 5);
        assertThatThrownBy(() -> attach("a", 6)).isInstanceOf(SearchExistsException.class);
    }

    @Test
    void drain_withoutGrace_interruptsWithinTheEvaluationThatRuns() throws InterruptedException {
        Attachment search = attach("s", 1000);
        turns.release(3);
        awaitEvaluation(3);
        Thread drain = new Thread(() -> searches.drain(Duration.ZERO, Duration.ofSeconds(20)));
        drain.start();
        SearchClient.await(() -> drain.getState() == Thread.State.TIMED_WAITING);
        turns.release(1);
        drain.join();

        assertThat(search.end()).isInstanceOf(SearchEnd.Interrupted.class);
        assertThat(store.search("s").state()).isEqualTo(SearchState.INTERRUPTED);
        assertThat(store.count("s")).isEqualTo(4);
        assertThatThrownBy(() -> attach("t", 1)).isInstanceOf(ShuttingDownException.class);
    }
}
