package dev.prenoise.server.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.engine.SubjectSpec;
import dev.prenoise.engine.WeightsPin;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.NoiseStep;
import dev.prenoise.search.Budget;
import dev.prenoise.search.Candidate;
import dev.prenoise.search.Spend;
import dev.prenoise.search.StopReason;
import dev.prenoise.server.grpc.Protos;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SearchStoreTest {
    private static final List<Long> SHAPE = List.of(1L, 1L, 2L, 2L);
    private static final List<WeightsPin> PINS = List.of(
            new WeightsPin("a b\n.safetensors", 1L << 40, "then", null, null),
            new WeightsPin("ink", 7, "now", "f00", "FLOAT32 abc"));

    @TempDir
    Path folder;

    private SearchStore open() {
        return SearchStore.open(folder, Protos.storeCodec());
    }

    private static StoredSearch search(String id) {
        return search(id, true, List.of());
    }

    private static StoredSearch search(String id, boolean lowerIsBetter, List<VerifierChoice> verifiers) {
        Acceptance acceptance = new Acceptance(
                "fake",
                List.of(new SubjectSpec("cat", List.of("red"), List.of(2, 3))),
                new Budget(8, 9, Duration.ofMillis(1500), true),
                SHAPE,
                List.of("words were cut off"),
                verifiers);
        return new StoredSearch(
                id,
                new byte[] {1, 2, 3},
                "f",
                acceptance,
                lowerIsBetter,
                SearchState.RUNNING,
                null,
                null,
                Spend.NONE,
                0,
                Duration.ZERO,
                List.of());
    }

    private static Candidate candidate(int index, double score) {
        return new Candidate(
                index,
                NoiseRecipe.of(-index, NoiseSource.NV_PHILOX, SHAPE),
                null,
                score,
                Map.of("cross", score, "self", Double.NaN),
                new Spend(1, 2, 3, 4));
    }

    private static void append(SearchStore store, String id, Candidate candidate) {
        store.append(id, candidate, true, new Spend(5, 6, 7, 8), Duration.ofMillis(42));
    }

    @Test
    void search_comesBackAsItWasStored() {
        try (SearchStore store = open()) {
            store.create(search("a"), PINS);
            append(store, "a", candidate(0, 0.5));
            store.finish("a", SearchState.DONE, StopReason.PLATEAU, null);
        }
        try (SearchStore store = open()) {
            StoredSearch search = store.search("a");
            assertThat(search.request()).containsExactly(1, 2, 3);
            assertThat(search.fingerprint()).isEqualTo("f");
            assertThat(search.acceptance()).isEqualTo(search("a").acceptance());
            assertThat(search.state()).isEqualTo(SearchState.DONE);
            assertThat(search.stopReason()).isEqualTo(StopReason.PLATEAU);
            assertThat(search.spent()).isEqualTo(new Spend(5, 6, 7, 8));
            assertThat(search.elapsed()).isEqualTo(Duration.ofMillis(42));
            assertThat(store.weights("a")).isEqualTo(PINS);
            assertThat(store.search("b")).isNull();
            assertThat(store.weights("b")).isEmpty();
        }
    }

    @Test
    void candidate_comesBackToTheLastBit() {
        NoiseRecipe recipe = new NoiseRecipe(
                -1,
                NoiseSource.TORCH_CPU,
                SHAPE,
                List.of(new NoiseStep.Perturbation(9, 0.1), new NoiseStep.Optimization("initno", 10)),
                "ab");
        Candidate candidate = new Candidate(
                0,
                recipe,
                Noise.of(new long[] {1, 1, 2, 2}, new float[] {0.1f, -0f, Float.MIN_VALUE, 3}),
                0.1 + 0.2,
                Map.of("self_cross", 1 / 3.0),
                new Spend(1, 2, 3, 4));
        try (SearchStore store = open()) {
            store.create(search("a"), PINS);
            append(store, "a", candidate);
            assertThat(store.recorded("a", 0)).isEqualTo(candidate);
            assertThat(store.recorded("a", 1)).isNull();
        }
    }

    @Test
    void candidate_appendedTwice_staysAsItWas() {
        try (SearchStore store = open()) {
            store.create(search("a"), PINS);
            append(store, "a", candidate(0, 0.5));
            append(store, "a", candidate(0, 0.25));
            assertThat(store.recorded("a", 0).score()).isEqualTo(0.5);
            assertThat(store.count("a")).isEqualTo(1);
        }
    }

    /** Candidate 2 is second by both; who was best when it was scored is no longer. */
    @Test
    void standing_ofSeveralVerifiers_ranksAllThatAreStored() {
        double[][] scores = {{0.1, 9}, {0.5, 1}, {0.4, 8}, {Double.NaN, 7}};
        List<VerifierChoice> verifiers =
                List.of(new VerifierChoice("a", 1, "", ""), new VerifierChoice("b", 1, "", ""));
        try (SearchStore store = open()) {
            StoredSearch search = search("s", false, verifiers);
            store.create(search, PINS);
            for (int i = 0; i < scores.length; i++) {
                append(
                        store,
                        "s",
                        new Candidate(
                                i,
                                NoiseRecipe.of(i, NoiseSource.TORCH_CPU, SHAPE),
                                null,
                                0.5,
                                Map.of("a", scores[i][0], "b", scores[i][1]),
                                Spend.NONE));
            }
            Standing standing = store.standing(search, 3);
            assertThat(standing.best())
                    .extracting(stored -> stored.candidate().index())
                    .containsExactly(2, 0, 1);
            // Mean ranks 2, 2, 2.5 of four: shares (4.5 - rank) / 4.
            assertThat(standing.best())
                    .extracting(stored -> stored.candidate().score())
                    .containsExactly(0.625, 0.625, 0.5);
            assertThat(standing.baseline().candidate().score()).isEqualTo(0.625);
            assertThat(store.recorded("s", 1).score()).as("as of then").isEqualTo(0.5);
            assertThat(store.search("s").acceptance().verifiers()).isEqualTo(verifiers);
        }
    }

    @Test
    void warnings_replaceTheOnesBefore_aLineEachAndEachOnce() {
        try (SearchStore store = open()) {
            store.create(search("a"), PINS);
            store.warn("a", List.of("1 of 2 pictures"));
            store.warn("a", List.of("2 of 3 pictures", "two\nlines", "two lines"));
            assertThat(store.search("a").warnings()).containsExactly("2 of 3 pictures", "two lines");
        }
    }

    @Test
    void best_ranksByScoreThenIndexWithWhatIsNotFiniteLast() {
        double[] scores = {Double.NaN, 2, 1, Double.NEGATIVE_INFINITY, 1, 3, Double.POSITIVE_INFINITY};
        try (SearchStore store = open()) {
            store.create(search("a"), PINS);
            for (int i = 0; i < scores.length; i++) {
                append(store, "a", candidate(i, scores[i]));
            }
            assertThat(store.standing(search("a"), 7).best())
                    .extracting(stored -> stored.candidate().index())
                    .containsExactly(2, 4, 1, 5, 0, 3, 6);
            assertThat(store.standing(search("a", false, List.of()), 2).best())
                    .extracting(stored -> stored.candidate().index())
                    .containsExactly(5, 1);
            assertThat(store.recorded("a", 0).score()).isNaN();
            assertThat(store.recorded("a", 0).terms().get("cross")).isNaN();
        }
    }

    @Test
    void illustrations_areKeptAndCounted() {
        try (SearchStore store = open()) {
            store.create(search("a"), PINS);
            append(store, "a", candidate(0, 0.5));
            store.illustrate("a", 0, new byte[] {7}, List.of(), 40);
            store.illustrate("a", 0, null, List.of(new HeatMap("cat", 1, 2, new float[] {0.25f, 0.75f})), 1);
            StoredCandidate stored = store.candidate("a", 0);
            assertThat(stored.preview()).containsExactly(7);
            assertThat(stored.heatMaps()).singleElement().satisfies(map -> {
                assertThat(map.subject()).isEqualTo("cat");
                assertThat(map.values()).containsExactly(0.25f, 0.75f);
            });
            assertThat(store.search("a").illustrationCalls()).isEqualTo(41);
        }
    }

    @Test
    void open_interruptsWhatWasRunning() {
        try (SearchStore store = open()) {
            store.create(search("running"), PINS);
            store.create(search("failed"), PINS);
            store.finish("failed", SearchState.FAILED, null, "why");
        }
        try (SearchStore store = open()) {
            assertThat(store.search("running").state()).isEqualTo(SearchState.INTERRUPTED);
            assertThat(store.search("failed").state()).isEqualTo(SearchState.FAILED);
            assertThat(store.search("failed").error()).isEqualTo("why");
            store.resume("failed");
            assertThat(store.search("failed").state()).isEqualTo(SearchState.RUNNING);
            assertThat(store.search("failed").error()).isNull();
        }
    }

    @Test
    void prune_deletesOldSearchesThatDoNotRun() {
        try (SearchStore store = open()) {
            store.create(search("done"), PINS);
            append(store, "done", candidate(0, 1));
            store.illustrate("done", 0, new byte[] {1}, List.of(new HeatMap("cat", 1, 1, new float[] {1})), 1);
            store.finish("done", SearchState.DONE, StopReason.BUDGET, null);
            store.create(search("running"), PINS);
            assertThat(store.prune(Instant.now().minusSeconds(60))).isZero();
            assertThat(store.search("done")).isNotNull();

            assertThat(store.prune(Instant.now().plusSeconds(60))).isEqualTo(1);
            assertThat(store.search("done")).isNull();
            assertThat(store.candidate("done", 0)).isNull();
            assertThat(store.weights("done")).isEmpty();
            assertThat(store.weights("running")).isEqualTo(PINS);
        }
    }

    @Test
    void open_aFolderInUse_saysSo() {
        try (SearchStore store = open()) {
            assertThatThrownBy(this::open)
                    .isInstanceOf(StoreException.class)
                    .hasMessage("data: " + folder
                            + " is in use by another prenoise process (expected: a folder of its own for each)");
        }
        open().close();
    }

    @Test
    void open_aFile_saysSo() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "");
        assertThatThrownBy(() -> SearchStore.open(file, Protos.storeCodec()))
                .isInstanceOf(StoreException.class)
                .hasMessage("data: " + file + " is a file (expected: a folder)");
    }

    @Test
    void open_beneathAFile_saysSo() throws IOException {
        Path beneath = Files.writeString(folder.resolve("file"), "").resolve("data");
        assertThatThrownBy(() -> SearchStore.open(beneath, Protos.storeCodec()))
                .isInstanceOf(StoreException.class)
                .hasMessageStartingWith("data: " + beneath + " (expected: a folder that can be written;");
    }

    @Test
    void open_notADatabase_saysSoAndLetsGoOfTheFolder() throws IOException {
        Files.writeString(
                folder.resolve("prenoise.db"), "this is no database, but it is longer than a header".repeat(9));
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(this::open)
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("prenoise.db cannot be opened (")
                    .hasMessageContaining("file is not a database")
                    .hasMessageEndingWith("move it away to begin with an empty store");
        }
    }

    @Test
    void open_damagedPages_saysSo() throws IOException {
        try (SearchStore store = open()) {
            store.create(search("a"), PINS);
            for (int i = 0; i < 200; i++) {
                append(store, "a", candidate(i, i));
            }
        }
        Path file = folder.resolve("prenoise.db");
        byte[] bytes = Files.readAllBytes(file);
        for (int i = 8192; i < bytes.length; i++) {
            bytes[i] = (byte) (i * 31);
        }
        Files.write(file, bytes);
        assertThatThrownBy(this::open)
                .isInstanceOf(StoreException.class)
                .hasMessageStartingWith("data: " + file + " cannot be opened (")
                .hasMessageEndingWith("move it away to begin with an empty store");
    }

    @Test
    void open_aStoreOfAnOlderVersion_keepsItsSearches() throws Exception {
        try (SearchStore store = open()) {
            store.create(search("a"), PINS);
        }
        try (var connection = DriverManager.getConnection("jdbc:sqlite:" + folder.resolve("prenoise.db"));
                var statement = connection.createStatement()) {
            statement.execute("ALTER TABLE weights DROP COLUMN settings");
            statement.execute("ALTER TABLE searches DROP COLUMN warnings");
            statement.execute("PRAGMA user_version = 2");
        }
        try (SearchStore store = open()) {
            assertThat(store.weights("a")).containsExactly(PINS.get(0), new WeightsPin("ink", 7, "now", "f00", null));
            assertThat(store.search("a").acceptance()).isEqualTo(search("a").acceptance());
            assertThat(store.search("a").warnings()).isEmpty();
        }
    }

    @Test
    void open_aNewerVersion_refuses() throws Exception {
        open().close();
        try (var connection = DriverManager.getConnection("jdbc:sqlite:" + folder.resolve("prenoise.db"));
                var statement = connection.createStatement()) {
            statement.execute("PRAGMA user_version = 99");
        }
        assertThatThrownBy(this::open)
                .isInstanceOf(StoreException.class)
                .hasMessage("data: the store is of version 99 (expected: at most 4; a newer prenoise wrote it)");
    }
}
