package dev.prenoise.server.grpc;

import dev.prenoise.server.jobs.Peers;
import dev.prenoise.server.jobs.Shares;
import dev.prenoise.v1.CandidatesStart;
import io.grpc.ConnectivityState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What peers do for one search: a call to each sidecar that is reached, opened again after it broke off and when the peer is back.
 *
 * <p>Threads: the search's asks and offers, gRPC's bring what peers send, the clock's looks after calls that are late or may be opened. Calls
 * have locks of their own; nobody holds one of theirs and this object's at once.
 */
final class PeerHelp implements Peers.Help {
    static final String NOT_REACHED = "it is not reached or not serving";

    private static final long TICK_MILLIS = 100;

    /** gRPC waits up to two minutes before it connects again; here a peer that is back is found within this. */
    private static final Duration RECONNECT = Duration.ofSeconds(2);

    /** How long a peer that was not reached gets to be, before a search begins without it: it may have started only now. */
    private static final Duration SECOND_CHANCE = Duration.ofMillis(250);

    private static final Duration SHORTEST_PAUSE = Duration.ofSeconds(1);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

    /** So many shares in a row without a loss, and the next loss is a first one again: one or two between losses show no peer that works. */
    private static final int RECOVERED = 16;

    /** How often a name that stands for several sidecars is looked at for others. */
    private static final Duration OTHERS = Duration.ofSeconds(15);

    /** A name's sidecars come round in turn: after so many that are known or cannot be used, there is nobody else for now. */
    private static final int MISSES = 3;

    /** How many sidecars one name may stand for. */
    private static final int MOST_OF_A_NAME = 64;

    /** A sidecar that breaks off so many times without having answered a share in between cannot do them, and is not asked any more. */
    private static final int MOST_LOSSES = 3;

    /** They are stored with the search and travel in its summary. */
    private static final int MOST_WARNINGS = 64;

    private final List<Desk> desks = new ArrayList<>();
    private final CandidatesStart start;
    private final Shares shares;
    private final Duration timeout;

    // Under this object's lock.
    /** By what they are the same by. */
    private final Map<String, String> warnings = new LinkedHashMap<>();

    private final Set<String> instances = new HashSet<>();

    /** How often in a row each instance broke off. */
    private final Map<String, Integer> losses = new HashMap<>();

    private @Nullable Future<?> ticks;
    private boolean closed;

    /** One address: its calls, and when there may be another. Its fields are under the lock of the help. */
    private static final class Desk {
        private final SpreadPeers.Target target;
        private final List<PeerCall> calls = new ArrayList<>();
        private boolean settled;
        private boolean joined;
        private boolean complete;
        private int misses;
        private long notBefore;
        private Duration pause = SHORTEST_PAUSE;

        /** Shares that were answered since the last loss. */
        private int answered;

        private final long begun;
        private long reconnected;

        Desk(SpreadPeers.Target target, long now) {
            this.target = target;
            notBefore = now;
            begun = now;
            reconnected = now - RECONNECT.toNanos();
        }
    }

    private PeerHelp(CandidatesStart start, Shares shares, Duration timeout) {
        this.start = start;
        this.shares = shares;
        this.timeout = timeout;
    }

    /** Asks them. */
    static PeerHelp of(
            List<SpreadPeers.Target> targets,
            CandidatesStart start,
            Shares shares,
            Duration timeout,
            ScheduledExecutorService clock) {
        PeerHelp help = new PeerHelp(start, shares, timeout);
        long now = System.nanoTime();
        targets.forEach(target -> help.desks.add(new Desk(target, now)));
        help.tick();
        synchronized (help) {
            try {
                help.ticks = clock.scheduleWithFixedDelay(help::tick, TICK_MILLIS, TICK_MILLIS, TimeUnit.MILLISECONDS);
            } catch (RejectedExecutionException e) {
                help.closed = true;
            }
        }
        return help;
    }

    // --- the search's ---

    @Override
    public synchronized List<String> await(Duration patience) throws InterruptedException {
        long end = System.nanoTime() + patience.toNanos();
        long left = patience.toNanos();
        while (!closed && left > 0 && !desks.stream().allMatch(desk -> desk.settled)) {
            TimeUnit.NANOSECONDS.timedWait(this, left);
            left = end - System.nanoTime();
        }
        desks.stream()
                .filter(desk -> !desk.settled)
                .forEach(desk -> warn("peer " + desk.target.address() + " is not used before it answers"));
        return List.copyOf(warnings.values());
    }

    @Override
    public synchronized List<String> warnings() {
        return List.copyOf(warnings.values());
    }

    private void warn(String sentence) {
        warn(sentence, sentence);
    }

    /**
     * Once for each key: what a peer says of a failure may be worded anew each time.
     *
     * @param key what it is the same by
     */
    private void warn(String key, String sentence) {
        if (warnings.size() < MOST_WARNINGS) {
            warnings.putIfAbsent(key, sentence);
        }
    }

    @Override
    public int places() {
        return calls().stream().mapToInt(PeerCall::places).sum();
    }

    @Override
    public void offer() {
        calls().forEach(PeerCall::work);
    }

    private synchronized List<PeerCall> calls() {
        return desks.stream().flatMap(desk -> desk.calls.stream()).toList();
    }

    @Override
    public void close() {
        List<PeerCall> open;
        synchronized (this) {
            closed = true;
            if (ticks != null) {
                ticks.cancel(false);
            }
            open = calls();
            desks.forEach(desk -> desk.calls.clear());
            notifyAll();
        }
        open.forEach(PeerCall::cancel);
    }

    // --- the clock's ---

    private void tick() {
        calls().forEach(call -> call.requireInTime(timeout));
        desks.forEach(this::look);
    }

    /** Opens a call where there should be one and may be. */
    private void look(Desk desk) {
        ConnectivityState state = desk.target.state();
        PeerCall call;
        synchronized (this) {
            long now = System.nanoTime();
            if (closed || desk.complete) {
                return;
            }
            if (state == ConnectivityState.TRANSIENT_FAILURE) {
                if (now - desk.reconnected >= RECONNECT.toNanos()) {
                    desk.reconnected = now;
                    desk.target.channel().resetConnectBackoff();
                }
                if (now - desk.begun >= SECOND_CHANCE.toNanos()) {
                    settle(desk);
                    if (!desk.joined) {
                        warn("peer " + desk.target.address() + " is not used as long as " + NOT_REACHED);
                    }
                }
            }
            boolean opening = desk.calls.stream().anyMatch(open -> !open.ready());
            boolean enough = desk.target.several() ? desk.calls.size() >= MOST_OF_A_NAME : !desk.calls.isEmpty();
            if (state != ConnectivityState.READY || opening || enough || now - desk.notBefore < 0) {
                return;
            }
            call = new PeerCall(this, desk.target.address(), shares);
            desk.calls.add(call);
        }
        call.open(desk.target.channel(), start);
    }

    // --- the calls' ---

    private @Nullable Desk desk(PeerCall call) {
        return desks.stream()
                .filter(desk -> desk.calls.contains(call))
                .findFirst()
                .orElse(null);
    }

    /**
     * It takes part from now on.
     *
     * @return false where it does already, by another call, or has broken off too often, and this one is to end
     */
    boolean joined(PeerCall call, String instance) {
        Desk desk;
        boolean joins;
        synchronized (this) {
            desk = desk(call);
            if (desk == null) {
                return false;
            }
            boolean fails = losses.getOrDefault(instance, 0) >= MOST_LOSSES;
            joins = !fails && instances.add(instance);
            desk.joined = true;
            if (!fails) {
                desk.target.refused(null);
            }
            settle(desk);
            if (joins) {
                desk.misses = 0;
            } else {
                desk.calls.remove(call);
                miss(desk);
            }
        }
        if (desk.target.several()) {
            look(desk);
        }
        return joins;
    }

    /** It answered a share. */
    synchronized void worked(PeerCall call) {
        Desk desk = desk(call);
        if (desk != null) {
            desk.answered = Math.min(desk.answered + 1, RECOVERED);
            if (desk.answered == RECOVERED) {
                desk.pause = SHORTEST_PAUSE;
            }
            losses.remove(call.instance());
        }
    }

    /** It ended a call on which nothing was asked for long. There is another when it may be needed. */
    synchronized void idle(PeerCall call) {
        Desk desk = desk(call);
        if (desk != null) {
            forget(desk, call);
            pause(desk, SHORTEST_PAUSE);
        }
    }

    /** It does not have what the search needs, and is not asked again for it. */
    void refused(PeerCall call, String reason) {
        synchronized (this) {
            Desk desk = desk(call);
            if (desk == null) {
                return;
            }
            forget(desk, call);
            desk.target.refused(reason);
            miss(desk);
            settle(desk);
            warn("peer " + desk.target.address() + " is not used: " + reason);
        }
        offer();
    }

    /** It reached this sidecar itself. */
    void itself(PeerCall call) {
        synchronized (this) {
            Desk desk = desk(call);
            if (desk != null) {
                forget(desk, call);
                miss(desk);
                settle(desk);
            }
        }
    }

    /**
     * It broke off; there may be another soon, unless that happens time after time.
     *
     * @param kind of reasons, for which one is told
     */
    void lost(PeerCall call, String kind, String reason) {
        synchronized (this) {
            Desk desk = desk(call);
            if (desk == null) {
                return;
            }
            forget(desk, call);
            pause(desk, desk.pause);
            Duration twice = desk.pause.multipliedBy(2);
            desk.pause = twice.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : twice;
            desk.answered = 0;
            settle(desk);
            String peer = "peer " + desk.target.address();
            if (!call.ready()) {
                warn(peer + " does not begin: " + kind, peer + " is not used for now: " + reason);
            } else {
                warn(
                        peer + " was lost: " + kind,
                        peer + " was lost: " + reason + "; what it had to do is done by others");
                if (losses.merge(call.instance(), 1, Integer::sum) >= MOST_LOSSES) {
                    String fails = "it was lost " + MOST_LOSSES + " times in a row, the last time: " + reason;
                    desk.target.refused(fails);
                    miss(desk);
                    warn(peer + " is not used any more", peer + " is not used any more: " + fails);
                }
            }
        }
        offer();
    }

    /** A verifier of a peer could not judge a picture. */
    synchronized void told(List<String> sentences) {
        sentences.forEach(this::warn);
    }

    private void forget(Desk desk, PeerCall call) {
        desk.calls.remove(call);
        if (call.ready()) {
            instances.remove(call.instance());
        }
    }

    /** A call to somebody who takes part by another one, or cannot. */
    private static void miss(Desk desk) {
        desk.complete = !desk.target.several();
        if (++desk.misses >= MISSES) {
            desk.misses = 0;
            pause(desk, OTHERS);
        }
    }

    private static void pause(Desk desk, Duration pause) {
        desk.notBefore = System.nanoTime() + pause.toNanos();
    }

    private void settle(Desk desk) {
        desk.settled = true;
        notifyAll();
    }
}
