package dev.prenoise.server.jobs;

import dev.prenoise.search.Evaluation;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The shares of one search that are to be done, in order. Whoever has done one takes the next, so each gets as many as it can do: peers by
 * {@link #take}, the search itself in {@link #await}. What a peer does not bring in time is done here as well, and whoever has it first
 * counts; so a peer that is slow, hangs or dies costs the search a share's time and nothing else.
 *
 * <p>Thread-safe: the search's thread adds and waits, peers' threads take and bring.
 */
public final class Shares {
    /** A share is overdue when a peer has had it for so many times as long as one takes here. Two may stand in line there. */
    private static final int OVERDUE = 3;

    /** As long as nothing was done here: so long does one take. */
    private static final long UNKNOWN_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private static final long POLL_MILLIS = 20;

    private final LongSupplier nanos;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    // Under the lock.
    private final List<Ticket> waiting = new ArrayList<>();
    private final Set<Ticket> live = new HashSet<>();
    private long longestHere = -1;

    Shares(LongSupplier nanos) {
        this.nanos = nanos;
    }

    /** A share on its way to be done. */
    public static final class Ticket {
        private final Share share;

        // Under the lock of its shares.
        private @Nullable List<Evaluation> result;
        private long takenNanos;
        private boolean here;

        private Ticket(Share share) {
            this.share = share;
        }

        public Share share() {
            return share;
        }
    }

    /** At the end of the line. */
    Ticket add(Share share) {
        Ticket ticket = new Ticket(share);
        lock.lock();
        try {
            waiting.add(ticket);
            live.add(ticket);
        } finally {
            lock.unlock();
        }
        return ticket;
    }

    /** Nobody wants any others any more. */
    void retain(Collection<Ticket> wanted) {
        lock.lock();
        try {
            live.retainAll(wanted);
            waiting.retainAll(live);
        } finally {
            lock.unlock();
        }
    }

    /** The next share for a peer, to be brought or given back; null = none waits. */
    public @Nullable Ticket take() {
        lock.lock();
        try {
            if (waiting.isEmpty()) {
                return null;
            }
            Ticket next = waiting.remove(0);
            next.takenNanos = nanos.getAsLong();
            return next;
        } finally {
            lock.unlock();
        }
    }

    /** A peer's result. Where another was first, nothing happens. */
    public void bring(Ticket ticket, List<Evaluation> result) {
        lock.lock();
        try {
            if (ticket.result == null) {
                ticket.result = result;
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    /** It is not done, and comes first in the line where it is still wanted. */
    public void giveBack(Ticket ticket) {
        lock.lock();
        try {
            if (ticket.result == null && !ticket.here && live.contains(ticket)) {
                waiting.add(0, ticket);
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits for results, and does shares here meanwhile: those that wait, then what is overdue of the wanted.
     *
     * @param here does a share on this sidecar; what it throws ends the waiting
     * @param stopped asked from time to time
     * @return one for each ticket
     * @throws CancellationException soon after {@code stopped} answers true
     */
    List<List<Evaluation>> await(List<Ticket> wanted, Function<Share, List<Evaluation>> here, BooleanSupplier stopped) {
        while (true) {
            if (stopped.getAsBoolean()) {
                throw new CancellationException("stopped while peers were waited for");
            }
            Ticket mine;
            lock.lock();
            try {
                List<List<Evaluation>> results = results(wanted);
                if (results != null) {
                    return results;
                }
                mine = nextHere(wanted);
                if (mine == null) {
                    changed.await(POLL_MILLIS, TimeUnit.MILLISECONDS);
                    continue;
                }
                mine.here = true;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CancellationException("interrupted while peers were waited for");
            } finally {
                lock.unlock();
            }
            long begun = nanos.getAsLong();
            List<Evaluation> result = here.apply(mine.share());
            lock.lock();
            try {
                longestHere = Math.max(longestHere, nanos.getAsLong() - begun);
                bring(mine, result);
            } finally {
                lock.unlock();
            }
        }
    }

    private static @Nullable List<List<Evaluation>> results(List<Ticket> wanted) {
        List<List<Evaluation>> results = new ArrayList<>();
        for (Ticket ticket : wanted) {
            List<Evaluation> result = ticket.result;
            if (result == null) {
                return null;
            }
            results.add(result);
        }
        return results;
    }

    private @Nullable Ticket nextHere(List<Ticket> wanted) {
        if (!waiting.isEmpty()) {
            return waiting.remove(0);
        }
        long due = nanos.getAsLong() - OVERDUE * (longestHere < 0 ? UNKNOWN_NANOS : longestHere);
        return wanted.stream()
                .filter(ticket -> ticket.result == null && ticket.takenNanos - due < 0)
                .findFirst()
                .orElse(null);
    }
}
