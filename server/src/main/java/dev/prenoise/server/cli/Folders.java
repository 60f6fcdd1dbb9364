package dev.prenoise.server.cli;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** Where Prenoise keeps what outlives a command, as each system has it. */
final class Folders {
    private static final String NAME = "prenoise";

    private Folders() {}

    /** Stored searches. */
    static Path data() {
        return under(System.getenv(), "XDG_DATA_HOME", ".local/share");
    }

    /** What can be made again: the built-in model's files, copied out of the jar. */
    static Path cache() {
        return under(System.getenv(), "XDG_CACHE_HOME", ".cache");
    }

    static Path under(Map<String, String> environment, String variable, String fallback) {
        Path home = Path.of(System.getProperty("user.home"));
        String set = Objects.requireNonNullElse(environment.get(variable), "");
        if (!set.isEmpty()) {
            return Path.of(set).resolve(NAME);
        }
        String local = environment.get("LOCALAPPDATA");
        if (local != null
                && System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("windows")) {
            return Path.of(local).resolve(NAME).resolve(fallback.equals(".cache") ? "cache" : "data");
        }
        return home.resolve(fallback).resolve(NAME);
    }
}
