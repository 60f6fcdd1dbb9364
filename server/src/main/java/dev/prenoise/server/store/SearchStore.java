package dev.prenoise.server.store;

import dev.prenoise.engine.WeightsPin;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.search.Candidate;
import dev.prenoise.search.Ranking;
import dev.prenoise.search.Spend;
import dev.prenoise.search.StopReason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.sqlite.SQLiteConfig;

/**
 * Searches and their scored candidates in one SQLite file. Every method commits before it returns, so what it wrote outlives a kill of the
 * process at any later moment.
 *
 * <p>Thread-safe. One connection writes and one reads, each used by one thread at a time; in WAL mode neither waits for the other.
 */
public final class SearchStore implements AutoCloseable {
    private static final int BUSY_TIMEOUT_MILLIS = 5000;

    /** Bytes: about a tenth of a second. */
    private static final long LARGEST_CHECKED = 64 << 20;

    private final Path file;
    private final StoreCodec codec;
    private final DataFolder folder;
    private final Connection writer;
    private final Connection reader;

    private SearchStore(Path file, StoreCodec codec, DataFolder folder, Connection writer, Connection reader) {
        this.file = file;
        this.codec = codec;
        this.folder = folder;
        this.writer = writer;
        this.reader = reader;
    }

    /**
     * Opens the store of a data folder, making both where they are missing. Searches that were running when the last process ended are
     * interrupted now.
     *
     * @throws StoreException when the folder cannot be used, another process has it, or its file is damaged
     */
    public static SearchStore open(Path dataFolder, StoreCodec codec) {
        DataFolder folder = DataFolder.hold(dataFolder);
        Path file = dataFolder.resolve("prenoise.db");
        Connection writer = null;
        try {
            writer = connect(file);
            requireIntact(writer, file);
            Schema.migrate(writer);
            SearchStore store = new SearchStore(file, codec, folder, writer, connect(file));
            store.interruptRunning();
            return store;
        } catch (SQLException e) {
            closeQuietly(writer);
            folder.close();
            throw damaged(file, e);
        } catch (StoreException e) {
            closeQuietly(writer);
            folder.close();
            throw e;
        }
    }

    /**
     * Begins a search.
     *
     * @param weights which it is on
     */
    public void create(StoredSearch search, List<WeightsPin> weights) {
        transaction(() -> {
            insert(search);
            for (int i = 0; i < weights.size(); i++) {
                int ordinal = i;
                WeightsPin pin = weights.get(i);
                write("INSERT INTO weights VALUES (?, ?, ?, ?, ?, ?, ?)", statement -> {
                    statement.setString(1, search.id());
                    statement.setInt(2, ordinal);
                    statement.setString(3, pin.name());
                    statement.setLong(4, pin.bytes());
                    statement.setString(5, pin.stamp());
                    statement.setString(6, pin.sha256());
                    statement.setString(7, pin.settings());
                });
            }
        });
    }

    /** Which weights a search began with; empty where there is no such search, or an older version began it. */
    public List<WeightsPin> weights(String id) {
        return read(
                "SELECT * FROM weights WHERE search_id = ? ORDER BY ordinal",
                statement -> statement.setString(1, id),
                row -> new WeightsPin(
                        row.getString("name"),
                        row.getLong("bytes"),
                        row.getString("stamp"),
                        row.getString("sha256"),
                        row.getString("settings")));
    }

    private void insert(StoredSearch search) {
        write("""
                INSERT INTO searches (id, request, fingerprint, acceptance, lower_is_better, state, created_ms)
                VALUES (?, ?, ?, ?, ?, ?, ?)""", statement -> {
            statement.setString(1, search.id());
            statement.setBytes(2, search.request());
            statement.setString(3, search.fingerprint());
            statement.setBytes(4, codec.encode(search.acceptance()));
            statement.setBoolean(5, search.lowerIsBetter());
            statement.setString(6, search.state().name());
            statement.setLong(7, System.currentTimeMillis());
        });
    }

    /** Goes on with a search that had stopped. */
    public void resume(String id) {
        write(
                "UPDATE searches SET state = 'RUNNING', stop_reason = NULL, error = NULL WHERE id = ?",
                statement -> statement.setString(1, id));
    }

    /** How far a running search is. */
    public void progress(String id, Spend spent, Duration elapsed) {
        write("""
                UPDATE searches SET loss_evaluations = ?, function_evaluations = ?, denoiser_calls = ?, batch_rows = ?, elapsed_ms = ?
                WHERE id = ?""", statement -> {
            bindSpend(statement, 1, spent);
            statement.setLong(5, elapsed.toMillis());
            statement.setString(6, id);
        });
    }

    /** Adds a candidate with what the search has spent up to it. A candidate that is already there stays as it is. */
    public void append(String id, Candidate candidate, boolean bestSoFar, Spend spent, Duration elapsed) {
        transaction(() -> {
            write("""
                    INSERT OR IGNORE INTO candidates (search_id, idx, recipe, noise, score, terms, best_so_far,
                        loss_evaluations, function_evaluations, denoiser_calls, batch_rows, scored_ms)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""", statement -> {
                statement.setString(1, id);
                statement.setInt(2, candidate.index());
                statement.setBytes(3, codec.encode(candidate.recipe()));
                Noise noise = candidate.noise();
                statement.setBytes(4, noise == null ? null : floats(noise.data()));
                statement.setDouble(5, candidate.score());
                statement.setString(6, terms(candidate.terms()));
                statement.setBoolean(7, bestSoFar);
                bindSpend(statement, 8, candidate.cost());
                statement.setLong(12, System.currentTimeMillis());
            });
            progress(id, spent, elapsed);
        });
    }

    /** Adds what was drawn of a candidate, and what drawing it cost in denoiser calls. */
    public void illustrate(String id, int index, byte @Nullable [] preview, List<HeatMap> heatMaps, int calls) {
        transaction(() -> {
            if (preview != null) {
                write("UPDATE candidates SET preview = ? WHERE search_id = ? AND idx = ?", statement -> {
                    statement.setBytes(1, preview);
                    statement.setString(2, id);
                    statement.setInt(3, index);
                });
            }
            for (int i = 0; i < heatMaps.size(); i++) {
                int ordinal = i;
                HeatMap map = heatMaps.get(i);
                write("INSERT OR REPLACE INTO heat_maps VALUES (?, ?, ?, ?, ?, ?, ?)", statement -> {
                    statement.setString(1, id);
                    statement.setInt(2, index);
                    statement.setInt(3, ordinal);
                    statement.setString(4, map.subject());
                    statement.setInt(5, map.rows());
                    statement.setInt(6, map.columns());
                    statement.setBytes(7, floats(map.values()));
                });
            }
            write("UPDATE searches SET illustration_calls = illustration_calls + ? WHERE id = ?", statement -> {
                statement.setInt(1, calls);
                statement.setString(2, id);
            });
        });
    }

    /** Keeps what went wrong on the way, a line each and each once, in place of what was kept before. */
    public void warn(String id, List<String> warnings) {
        String kept = warnings.stream()
                .map(warning -> warning.lines().collect(Collectors.joining(" ")))
                .distinct()
                .collect(Collectors.joining("\n"));
        write("UPDATE searches SET warnings = ? WHERE id = ?", statement -> {
            statement.setString(1, kept);
            statement.setString(2, id);
        });
    }

    /** Ends a search. */
    public void finish(String id, SearchState state, @Nullable StopReason reason, @Nullable String error) {
        write("UPDATE searches SET state = ?, stop_reason = ?, error = ? WHERE id = ?", statement -> {
            statement.setString(1, state.name());
            statement.setString(2, reason == null ? null : reason.name());
            statement.setString(3, error);
            statement.setString(4, id);
        });
    }

    /** Deletes searches that began before a moment and do not run now. Returns how many. */
    public int prune(Instant before) {
        List<String> old = read(
                "SELECT id FROM searches WHERE state <> 'RUNNING' AND created_ms < ?",
                statement -> statement.setLong(1, before.toEpochMilli()),
                row -> row.getString("id"));
        for (String id : old) {
            transaction(() -> {
                for (String table : List.of("heat_maps", "candidates", "weights")) {
                    write(
                            "DELETE FROM " + table + " WHERE search_id = ? AND search_id IN (SELECT id FROM searches "
                                    + "WHERE state <> 'RUNNING')",
                            statement -> statement.setString(1, id));
                }
                write(
                        "DELETE FROM searches WHERE id = ? AND state <> 'RUNNING'",
                        statement -> statement.setString(1, id));
            });
        }
        return old.size();
    }

    public @Nullable StoredSearch search(String id) {
        return read("SELECT * FROM searches WHERE id = ?", statement -> statement.setString(1, id), this::readSearch)
                .stream()
                .findFirst()
                .orElse(null);
    }

    /** How many candidates are stored: indices 0 to this, exclusive. */
    public int count(String id) {
        return read(
                        "SELECT COUNT(*) FROM candidates WHERE search_id = ?",
                        statement -> statement.setString(1, id),
                        row -> row.getInt(1))
                .get(0);
    }

    /** A candidate as it was scored, or null: what a search that goes on has to know. */
    public @Nullable Candidate recorded(String id, int index) {
        return read(
                        "SELECT * FROM candidates WHERE search_id = ? AND idx = ?",
                        statement -> {
                            statement.setString(1, id);
                            statement.setInt(2, index);
                        },
                        this::readCandidate)
                .stream()
                .findFirst()
                .orElse(null);
    }

    public @Nullable StoredCandidate candidate(String id, int index) {
        return read(
                        "SELECT * FROM candidates WHERE search_id = ? AND idx = ?",
                        statement -> {
                            statement.setString(1, id);
                            statement.setInt(2, index);
                        },
                        this::readStored)
                .stream()
                .findFirst()
                .orElse(null);
    }

    /**
     * The best candidates and candidate 0. Where a score depends on who else is there, it is that among all that are stored now.
     *
     * @param limit how many of the best
     */
    public Standing standing(StoredSearch search, int limit) {
        Ranking ranking = search.ranking();
        if (!ranking.dependsOnPool()) {
            return new Standing(best(search.id(), search.lowerIsBetter(), limit), candidate(search.id(), 0));
        }
        List<Candidate> ranked =
                ranking.rank(read("""
                SELECT idx, recipe, NULL AS noise, score, terms, loss_evaluations, function_evaluations, denoiser_calls, batch_rows
                FROM candidates WHERE search_id = ? ORDER BY idx""", statement -> statement.setString(1, search.id()), this::readCandidate));
        List<StoredCandidate> best = ranked.stream()
                .limit(limit)
                .flatMap(candidate -> standing(search.id(), candidate).stream())
                .toList();
        StoredCandidate baseline = ranked.stream()
                .filter(candidate -> candidate.index() == 0)
                .findFirst()
                .flatMap(candidate -> standing(search.id(), candidate))
                .orElse(null);
        return new Standing(best, baseline);
    }

    /** Empty where it was pruned meanwhile. */
    private Optional<StoredCandidate> standing(String id, Candidate ranked) {
        return read(
                        "SELECT * FROM candidates WHERE search_id = ? AND idx = ?",
                        statement -> {
                            statement.setString(1, id);
                            statement.setInt(2, ranked.index());
                        },
                        row -> readStored(row, withScore(readCandidate(row), ranked.score())))
                .stream()
                .findFirst();
    }

    private static Candidate withScore(Candidate candidate, double score) {
        return new Candidate(
                candidate.index(), candidate.recipe(), candidate.noise(), score, candidate.terms(), candidate.cost());
    }

    /** Best first; the lower index first among equals, scores that are not finite last. */
    private List<StoredCandidate> best(String id, boolean lowerIsBetter, int limit) {
        return read(
                """
                SELECT * FROM candidates WHERE search_id = ?
                ORDER BY CASE WHEN ABS(score) < 9e999 THEN 0 ELSE 1 END,
                    CASE WHEN ABS(score) < 9e999 THEN score END %s, idx
                LIMIT ?""".formatted(lowerIsBetter ? "ASC" : "DESC"),
                statement -> {
                    statement.setString(1, id);
                    statement.setInt(2, limit);
                },
                this::readStored);
    }

    /**
     * Whether each candidate has its preview.
     *
     * @param bestSoFarOnly whether those count only that were the best when they were scored
     */
    public boolean isPreviewed(String id, boolean bestSoFarOnly) {
        return read(
                                "SELECT COUNT(*) FROM candidates WHERE search_id = ? AND preview IS NULL AND (best_so_far OR ?)",
                                statement -> {
                                    statement.setString(1, id);
                                    statement.setBoolean(2, !bestSoFarOnly);
                                },
                                row -> row.getInt(1))
                        .get(0)
                == 0;
    }

    @Override
    public void close() {
        synchronized (writer) {
            closeQuietly(writer);
        }
        synchronized (reader) {
            closeQuietly(reader);
        }
        folder.close();
    }

    private void interruptRunning() {
        write("UPDATE searches SET state = 'INTERRUPTED' WHERE state = 'RUNNING'", statement -> {});
    }

    private StoredSearch readSearch(ResultSet row) throws SQLException {
        String reason = row.getString("stop_reason");
        return new StoredSearch(
                row.getString("id"),
                row.getBytes("request"),
                row.getString("fingerprint"),
                codec.acceptance(row.getBytes("acceptance")),
                row.getBoolean("lower_is_better"),
                SearchState.valueOf(row.getString("state")),
                reason == null ? null : StopReason.valueOf(reason),
                row.getString("error"),
                readSpend(row),
                row.getInt("illustration_calls"),
                Duration.ofMillis(row.getLong("elapsed_ms")),
                lines(row.getString("warnings")));
    }

    private Candidate readCandidate(ResultSet row) throws SQLException {
        NoiseRecipe recipe = codec.recipe(row.getBytes("recipe"));
        byte[] noise = row.getBytes("noise");
        double stored = row.getDouble("score");
        double score = row.wasNull() ? Double.NaN : stored;
        return new Candidate(
                row.getInt("idx"),
                recipe,
                noise == null
                        ? null
                        : Noise.of(
                                recipe.shape().stream()
                                        .mapToLong(Long::longValue)
                                        .toArray(),
                                floats(noise)),
                score,
                terms(row.getString("terms")),
                readSpend(row));
    }

    private StoredCandidate readStored(ResultSet row) throws SQLException {
        return readStored(row, readCandidate(row));
    }

    private StoredCandidate readStored(ResultSet row, Candidate candidate) throws SQLException {
        return new StoredCandidate(
                candidate,
                row.getBoolean("best_so_far"),
                row.getBytes("preview"),
                heatMaps(row.getString("search_id"), row.getInt("idx")));
    }

    private List<HeatMap> heatMaps(String id, int index) {
        return read(
                "SELECT * FROM heat_maps WHERE search_id = ? AND idx = ? ORDER BY ordinal",
                statement -> {
                    statement.setString(1, id);
                    statement.setInt(2, index);
                },
                row -> new HeatMap(
                        row.getString("subject"),
                        row.getInt("row_count"),
                        row.getInt("column_count"),
                        floats(row.getBytes("map"))));
    }

    private static Spend readSpend(ResultSet row) throws SQLException {
        return new Spend(
                row.getInt("loss_evaluations"),
                row.getInt("function_evaluations"),
                row.getInt("denoiser_calls"),
                row.getInt("batch_rows"));
    }

    private static void bindSpend(PreparedStatement statement, int first, Spend spend) throws SQLException {
        statement.setInt(first, spend.lossEvaluations());
        statement.setInt(first + 1, spend.functionEvaluations());
        statement.setInt(first + 2, spend.denoiserCalls());
        statement.setInt(first + 3, spend.batchRows());
    }

    /** A line {@code cross=0.25} for each: readable in any SQLite tool, and exact. */
    private static String terms(Map<String, Double> terms) {
        StringBuilder text = new StringBuilder();
        new TreeMap<>(terms).forEach((name, value) -> text.append(text.isEmpty() ? "" : "\n")
                .append(name)
                .append('=')
                .append(value));
        return text.toString();
    }

    private static Map<String, Double> terms(String text) {
        Map<String, Double> terms = new TreeMap<>();
        for (String term : text.lines().toList()) {
            int equals = term.lastIndexOf('=');
            terms.put(term.substring(0, equals), Double.valueOf(term.substring(equals + 1)));
        }
        return terms;
    }

    private static List<String> lines(String text) {
        return text.lines().toList();
    }

    private static byte[] floats(float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return bytes.array();
    }

    private static float[] floats(byte[] bytes) {
        float[] values = new float[bytes.length / Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
        return values;
    }

    private interface Binding {
        void bind(PreparedStatement statement) throws SQLException;
    }

    private interface RowReader<T> {
        T read(ResultSet row) throws SQLException;
    }

    private void write(String sql, Binding binding) {
        synchronized (writer) {
            try (PreparedStatement statement = writer.prepareStatement(sql)) {
                binding.bind(statement);
                statement.executeUpdate();
            } catch (SQLException e) {
                throw failed("written", e);
            }
        }
    }

    private <T> List<T> read(String sql, Binding binding, RowReader<T> rowReader) {
        synchronized (reader) {
            try (PreparedStatement statement = reader.prepareStatement(sql)) {
                binding.bind(statement);
                List<T> result = new ArrayList<>();
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        result.add(rowReader.read(rows));
                    }
                }
                return result;
            } catch (SQLException e) {
                throw failed("read", e);
            }
        }
    }

    private void transaction(Runnable writes) {
        synchronized (writer) {
            try {
                writer.setAutoCommit(false);
                try {
                    writes.run();
                    writer.commit();
                } catch (StoreException | SQLException e) {
                    writer.rollback();
                    throw e;
                } finally {
                    writer.setAutoCommit(true);
                }
            } catch (SQLException e) {
                throw failed("written", e);
            }
        }
    }

    private static Connection connect(Path file) throws SQLException {
        SQLiteConfig config = new SQLiteConfig();
        config.setJournalMode(SQLiteConfig.JournalMode.WAL);
        // A killed process loses nothing; a power cut may lose the last candidates, never the file, and the search goes
        // on before them.
        config.setSynchronous(SQLiteConfig.SynchronousMode.NORMAL);
        config.setBusyTimeout(BUSY_TIMEOUT_MILLIS);
        config.enforceForeignKeys(true);
        return config.createConnection("jdbc:sqlite:" + file.toAbsolutePath());
    }

    private static void requireIntact(Connection connection, Path file) throws SQLException {
        // quick_check reads the whole file. Of a large one the schema must do: what else is damaged shows when it is
        // read.
        boolean small = size(file) <= LARGEST_CHECKED;
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(
                        small ? "PRAGMA quick_check(1)" : "SELECT 'ok', COUNT(*) FROM sqlite_schema")) {
            String finding = rows.getString(1);
            if (!"ok".equals(finding)) {
                throw damaged(file, new SQLException(finding));
            }
        }
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            return 0;
        }
    }

    private static StoreException damaged(Path file, SQLException e) {
        return new StoreException(
                "data: " + file + " cannot be opened (" + firstLine(e) + "); move it away to begin with an empty store",
                e);
    }

    private StoreException failed(String what, SQLException e) {
        return new StoreException("data: " + file + " cannot be " + what + " (" + firstLine(e) + ")", e);
    }

    private static String firstLine(SQLException e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    private static void closeQuietly(@Nullable Connection connection) {
        if (connection == null) {
            return;
        }
        try {
            connection.close();
        } catch (SQLException e) {
            // Everything that matters was committed when it was written.
        }
    }
}
