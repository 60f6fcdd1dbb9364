package dev.prenoise.server.grpc;

import dev.prenoise.engine.WeightsPin;
import dev.prenoise.server.jobs.Peers;
import dev.prenoise.server.jobs.SearchSpec;
import dev.prenoise.server.jobs.Shares;
import dev.prenoise.v1.NoiseProviderGrpc;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The peers of this sidecar. gRPC resolves their names, connects, watches their health (grpc.health.v1) and takes calls round robin to the
 * sidecars of one name that serve; what a peer gets to do follows from what it has done, see {@link Shares}.
 *
 * <p>Thread-safe.
 */
public final class SpreadPeers implements Peers {
    private static final Map<String, ?> BALANCED = Map.of(
            "loadBalancingConfig",
            List.of(Map.of("round_robin", Map.of())),
            "healthCheckConfig",
            Map.of("serviceName", NoiseProviderGrpc.SERVICE_NAME));

    /** Pings tell within so long that a machine is gone which says nothing any more. */
    private static final Duration KEEP_ALIVE = Duration.ofSeconds(15);

    private static final Duration KEEP_ALIVE_TIMEOUT = Duration.ofSeconds(5);

    /** How long a question for the state waits for connections to be made that were not tried before. */
    private static final Duration CONNECTING = Duration.ofMillis(500);

    private static final long POLL_MILLIS = 10;

    private final List<Target> targets;
    private final SidecarIdentity own;
    private final Duration timeout;
    private final ScheduledExecutorService clock;

    /** One address, and what is known of it. */
    static final class Target {
        private final PeerTarget peer;
        private final ManagedChannel channel;

        /** Why the last search did not use it; null = it did. */
        private volatile @Nullable String refusal;

        Target(PeerTarget peer, ManagedChannel channel) {
            this.peer = peer;
            this.channel = channel;
        }

        String address() {
            return peer.address();
        }

        boolean several() {
            return peer.several();
        }

        ManagedChannel channel() {
            return channel;
        }

        void refused(@Nullable String reason) {
            refusal = reason;
        }

        /** Connects where it has not yet. */
        ConnectivityState state() {
            return channel.getState(true);
        }
    }

    /**
     * Begins to connect.
     *
     * @param timeout how long a peer may take for a share
     * @param maxMessageBytes of an answer
     */
    public SpreadPeers(List<PeerTarget> peers, SidecarIdentity own, Duration timeout, int maxMessageBytes) {
        this.own = own;
        this.timeout = timeout;
        targets = peers.stream()
                .map(peer -> new Target(
                        peer,
                        peer.channel()
                                .get()
                                .disableServiceConfigLookUp()
                                .defaultServiceConfig(BALANCED)
                                .keepAliveTime(KEEP_ALIVE.toSeconds(), TimeUnit.SECONDS)
                                .keepAliveTimeout(KEEP_ALIVE_TIMEOUT.toSeconds(), TimeUnit.SECONDS)
                                .maxInboundMessageSize(maxMessageBytes)
                                .build()))
                .toList();
        clock = Executors.newSingleThreadScheduledExecutor(runnable -> {
            Thread thread = new Thread(runnable, "prenoise-peers");
            thread.setDaemon(true);
            return thread;
        });
        targets.forEach(Target::state);
    }

    @Override
    public boolean none() {
        return targets.isEmpty();
    }

    @Override
    public Help ask(SearchSpec spec, List<WeightsPin> weights, Shares shares) {
        return PeerHelp.of(targets, ShareMessages.start(spec, weights, own), shares, timeout, clock);
    }

    @Override
    public List<PeerStatus> status() {
        targets.stream()
                .filter(target -> target.state() == ConnectivityState.TRANSIENT_FAILURE)
                .forEach(target -> target.channel().resetConnectBackoff());
        long end = System.nanoTime() + CONNECTING.toNanos();
        List<PeerStatus> all = new ArrayList<>();
        for (Target target : targets) {
            ConnectivityState state = target.state();
            while (undecided(state) && System.nanoTime() - end < 0 && slept()) {
                state = target.state();
            }
            all.add(status(target, state));
        }
        return all;
    }

    /** A connection that failed is not: what was tried again tells the next question. */
    private static boolean undecided(ConnectivityState state) {
        return state == ConnectivityState.IDLE || state == ConnectivityState.CONNECTING;
    }

    private static boolean slept() {
        try {
            Thread.sleep(POLL_MILLIS);
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static PeerStatus status(Target target, ConnectivityState state) {
        if (state != ConnectivityState.READY) {
            return new PeerStatus(target.address(), State.NOT_SERVING, PeerHelp.NOT_REACHED);
        }
        String refusal = target.refusal;
        return refusal == null
                ? new PeerStatus(target.address(), State.SERVING, "")
                : new PeerStatus(target.address(), State.OTHER, refusal);
    }

    @Override
    public void close() {
        clock.shutdownNow();
        targets.forEach(target -> target.channel().shutdownNow());
    }
}
