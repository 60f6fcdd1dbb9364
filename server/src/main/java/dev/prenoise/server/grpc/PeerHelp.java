package dev.prenoise.server.grpc;

import dev.prenoise.server.jobs.Peers;
import dev.prenoise.server.jobs.Shares;
import dev.prenoise.v1.CandidatesStart;
import io.grpc.ConnectivityState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
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

    /** How often a name that stands for several sidecars is looked at for others. */
    private static final Duration OTHERS = Duration.ofSeconds(15);

    /** A name's sidecars come round in turn: after so many that are known or cannot be used, there is nobody else for now. */
    private static final int MISSES = 3;

    /** How many sidecars one name may stand for. */
    private static final int MOST_OF_A_NAME = 64;

    private final List<Desk> desks = new ArrayList<>();
    private final CandidatesStart start;
    private final Shares shares;
    private final Duration timeout;

    // Under this object's lock.
    private final Set<String> warnings = new LinkedHashSet<>();
    private final Set<String> instances = new LinkedHashSet<>();
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
                .forEach(desk -> warnings.add("peer " + desk.target.address() + " is not used before it answers"));
        return List.copyOf(warnings);
    }

    @Override
    public synchronized List<String> warnings() {
        return List.copyOf(warnings);
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
                        warnings.add("peer " + desk.target.address() + " is not used as long as " + NOT_REACHED);
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
     * @return false where it does already, by another call, and this one is to end
     */
    boolean joined(PeerCall call, String instance) {
        Desk desk;
        boolean joins;
        synchronized (this) {
            desk = desk(call);
            if (desk == null) {
                return false;
            }
            joins = instances.add(instance);
            desk.joined = true;
            desk.pause = SHORTEST_PAUSE;
            desk.target.refused(null);
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
            warnings.add("peer " + desk.target.address() + " is not used: " + reason);
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

    /** It broke off; there may be another soon. */
    void lost(PeerCall call, String reason) {
        synchronized (this) {
            Desk desk = desk(call);
            if (desk == null) {
                return;
            }
            forget(desk, call);
            pause(desk, desk.pause);
            Duration twice = desk.pause.multipliedBy(2);
            desk.pause = twice.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : twice;
            settle(desk);
            warnings.add(
                    "peer " + desk.target.address() + " was lost: " + reason + "; what it had to do is done by others");
        }
        offer();
    }

    /** A verifier of a peer could not judge a picture. */
    synchronized void told(List<String> sentences) {
        warnings.addAll(sentences);
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
