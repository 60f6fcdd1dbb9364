package dev.prenoise.server.store;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;

/** The tables, and how an older file becomes a newer one. The file's version is its {@code user_version}. */
final class Schema {
    /** Step {@code i} brings version {@code i} to {@code i + 1}. Steps are added, never changed. */
    private static final List<List<String>> STEPS = List.of(
            List.of(
                    """
            CREATE TABLE searches (
                id TEXT PRIMARY KEY,
                request BLOB NOT NULL,
                fingerprint TEXT NOT NULL,
                acceptance BLOB NOT NULL,
                lower_is_better INTEGER NOT NULL,
                state TEXT NOT NULL,
                stop_reason TEXT,
                error TEXT,
                loss_evaluations INTEGER NOT NULL DEFAULT 0,
                function_evaluations INTEGER NOT NULL DEFAULT 0,
                denoiser_calls INTEGER NOT NULL DEFAULT 0,
                batch_rows INTEGER NOT NULL DEFAULT 0,
                illustration_calls INTEGER NOT NULL DEFAULT 0,
                elapsed_ms INTEGER NOT NULL DEFAULT 0,
                created_ms INTEGER NOT NULL
            ) STRICT""",
                    // SQLite keeps NaN as NULL: a score of NULL is NaN.
                    """
            CREATE TABLE candidates (
                search_id TEXT NOT NULL REFERENCES searches (id),
                idx INTEGER NOT NULL,
                recipe BLOB NOT NULL,
                noise BLOB,
                score REAL,
                terms TEXT NOT NULL,
                best_so_far INTEGER NOT NULL,
                loss_evaluations INTEGER NOT NULL,
                function_evaluations INTEGER NOT NULL,
                denoiser_calls INTEGER NOT NULL,
                batch_rows INTEGER NOT NULL,
                scored_ms INTEGER NOT NULL,
                preview BLOB,
                PRIMARY KEY (search_id, idx)
            ) STRICT""",
                    """
            CREATE TABLE heat_maps (
                search_id TEXT NOT NULL,
                idx INTEGER NOT NULL,
                ordinal INTEGER NOT NULL,
                subject TEXT NOT NULL,
                row_count INTEGER NOT NULL,
                column_count INTEGER NOT NULL,
                map BLOB NOT NULL,
                PRIMARY KEY (search_id, idx, ordinal),
                FOREIGN KEY (search_id, idx) REFERENCES candidates (search_id, idx)
            ) STRICT"""),
            List.of("""
            CREATE TABLE weights (
                search_id TEXT NOT NULL REFERENCES searches (id),
                ordinal INTEGER NOT NULL,
                name TEXT NOT NULL,
                bytes INTEGER NOT NULL,
                stamp TEXT NOT NULL,
                sha256 TEXT,
                PRIMARY KEY (search_id, ordinal)
            ) STRICT"""),
            List.of("ALTER TABLE weights ADD COLUMN settings TEXT"),
            List.of("ALTER TABLE searches ADD COLUMN warnings TEXT NOT NULL DEFAULT ''"));

    private Schema() {}

    /** Brings the connection's file to the newest version. */
    static void migrate(Connection connection) throws SQLException {
        int version = version(connection);
        if (version > STEPS.size()) {
            throw new StoreException("data: the store is of version " + version + " (expected: at most " + STEPS.size()
                    + "; a newer prenoise wrote it)");
        }
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            for (List<String> step : STEPS.subList(version, STEPS.size())) {
                for (String sql : step) {
                    statement.execute(sql);
                }
            }
            statement.execute("PRAGMA user_version = " + STEPS.size());
        }
        connection.commit();
        connection.setAutoCommit(true);
    }

    private static int version(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("PRAGMA user_version")) {
            return rows.getInt(1);
        }
    }
}
