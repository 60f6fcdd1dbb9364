package dev.prenoise.server.cli;

import dev.prenoise.study.WorkerWord;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Who works at a study, as its coordinator hears of them: says who joins, who cannot compute something and why, and when nobody does
 * anything. Thread-safe.
 */
final class StudyCrew {
    /** Workers speak every second while they compute; one that has to load a model first, later. */
    private static final Duration SILENCE = Duration.ofSeconds(30);

    private static final Duration AGAIN = Duration.ofMinutes(5);

    private final Consumer<String> told;
    private final String invitation;
    private final LongSupplier clock;
    private final Set<String> workers = new HashSet<>();
    private final Map<String, String> refusals = new LinkedHashMap<>();
    private long worked;
    private long warned;
    private boolean silent;

    /**
     * @param told lines for the user
     * @param invitation how a worker is started
     * @param clock in nanoseconds
     */
    StudyCrew(Consumer<String> told, String invitation, LongSupplier clock) {
        this.told = told;
        this.invitation = invitation;
        this.clock = clock;
        worked = clock.getAsLong();
    }

    synchronized void hear(WorkerWord word) {
        String refusal = word.refusal();
        if (refusal == null) {
            worked = clock.getAsLong();
            silent = false;
            if (workers.add(word.worker())) {
                told.accept("study: " + word.worker() + " computes");
            }
        } else if (!refusal.equals(refusals.put(word.worker(), refusal))) {
            told.accept("study: " + word.worker() + " leaves units to others: " + refusal);
        }
    }

    /**
     * Says so when nobody computes.
     *
     * @param left units that are missing
     */
    synchronized void look(int left) {
        long now = clock.getAsLong();
        boolean again = silent && now - warned < AGAIN.toNanos();
        if (left == 0 || now - worked < SILENCE.toNanos() || again) {
            return;
        }
        silent = true;
        warned = now;
        told.accept(
                refusals.isEmpty()
                        ? "study: " + left + " units wait and nobody computes (expected: " + invitation + ")"
                        : "study: " + left + " units wait and nobody who is there can compute them: "
                                + String.join("; ", new HashSet<>(refusals.values()))
                                + " (expected: a worker of which this is not so)");
    }
}
