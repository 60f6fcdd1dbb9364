package dev.prenoise.server.ops;

import dev.prenoise.server.grpc.Limits;
import dev.prenoise.server.grpc.PeerTarget;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a sidecar runs. Start at {@link #DEFAULT} and change what differs.
 *
 * @param host the address to listen on; other than loopback it needs {@code tls} and {@code token}
 * @param port 0 = any free one
 * @param dataDir where searches are stored; null = a temporary folder that goes with the server
 * @param tls null = plain text
 * @param token what a caller must send as {@code authorization: Bearer TOKEN}; null = no check
 * @param grace how long running searches may go on when the sidecar is told to stop
 * @param keep stored searches that began longer ago and have ended are deleted; null = none are
 * @param hostTimeout how long a host that evaluates on its own model may take for one evaluation
 * @param peers over which searches spread
 * @param peerTimeout how long a peer may take for a share of candidates
 */
public record SidecarConfig(
        String host,
        int port,
        @Nullable Path dataDir,
        @Nullable Tls tls,
        @Nullable String token,
        Limits limits,
        Duration grace,
        @Nullable Duration keep,
        Duration hostTimeout,
        List<PeerTarget> peers,
        Duration peerTimeout) {
    public SidecarConfig {
        peers = List.copyOf(peers);
    }

    /** Certificate chain and private key, both PEM. */
    public record Tls(Path certificate, Path key) {}

    public static final SidecarConfig DEFAULT = new SidecarConfig(
            "127.0.0.1",
            50551,
            null,
            null,
            null,
            Limits.DEFAULT,
            Duration.ofSeconds(20),
            null,
            Duration.ofSeconds(300),
            List.of(),
            Duration.ofSeconds(300));

    public SidecarConfig withHost(String host) {
        return new SidecarConfig(host, port, dataDir, tls, token, limits, grace, keep, hostTimeout, peers, peerTimeout);
    }

    public SidecarConfig withPort(int port) {
        return new SidecarConfig(host, port, dataDir, tls, token, limits, grace, keep, hostTimeout, peers, peerTimeout);
    }

    public SidecarConfig withDataDir(@Nullable Path dataDir) {
        return new SidecarConfig(host, port, dataDir, tls, token, limits, grace, keep, hostTimeout, peers, peerTimeout);
    }

    public SidecarConfig withTls(@Nullable Tls tls) {
        return new SidecarConfig(host, port, dataDir, tls, token, limits, grace, keep, hostTimeout, peers, peerTimeout);
    }

    public SidecarConfig withToken(@Nullable String token) {
        return new SidecarConfig(host, port, dataDir, tls, token, limits, grace, keep, hostTimeout, peers, peerTimeout);
    }

    public SidecarConfig withLimits(Limits limits) {
        return new SidecarConfig(host, port, dataDir, tls, token, limits, grace, keep, hostTimeout, peers, peerTimeout);
    }

    public SidecarConfig withGrace(Duration grace) {
        return new SidecarConfig(host, port, dataDir, tls, token, limits, grace, keep, hostTimeout, peers, peerTimeout);
    }

    public SidecarConfig withKeep(@Nullable Duration keep) {
        return new SidecarConfig(host, port, dataDir, tls, token, limits, grace, keep, hostTimeout, peers, peerTimeout);
    }

    public SidecarConfig withHostTimeout(Duration hostTimeout) {
        return new SidecarConfig(host, port, dataDir, tls, token, limits, grace, keep, hostTimeout, peers, peerTimeout);
    }

    public SidecarConfig withPeers(List<PeerTarget> peers) {
        return new SidecarConfig(host, port, dataDir, tls, token, limits, grace, keep, hostTimeout, peers, peerTimeout);
    }

    public SidecarConfig withPeerTimeout(Duration peerTimeout) {
        return new SidecarConfig(host, port, dataDir, tls, token, limits, grace, keep, hostTimeout, peers, peerTimeout);
    }
}
