package dev.prenoise.server.cli;

import dev.prenoise.server.grpc.PeerTarget;
import io.grpc.ChannelCredentials;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** Which other sidecars score candidates of this one's searches. */
final class PeerOptions {
    /** A name that a name server resolves, to several addresses where there are several sidecars. */
    private static final String DNS = "dns:///";

    @Option(
            names = "--peers",
            split = ",",
            paramLabel = "HOST:PORT",
            defaultValue = "${env:PRENOISE_PEERS:-}",
            description =
                    "Other sidecars, which score candidates of searches together with this one: of the same version, with the same weights, on "
                            + "the same kind of device. dns:///NAME:PORT for all that a name stands for. Called over TLS unless on this "
                            + "machine. May be given again.")
    private List<String> peers = new ArrayList<>();

    @Option(
            names = "--peer-token-file",
            paramLabel = "FILE",
            defaultValue = "${env:PRENOISE_PEER_TOKEN_FILE:-}",
            description = "A file that holds the token for all --peers.")
    private String tokenFile = "";

    @Option(
            names = "--peer-tls-ca",
            paramLabel = "FILE",
            defaultValue = "${env:PRENOISE_PEER_TLS_CA:-}",
            description = "The certificates (PEM) to trust for all --peers instead of Java's.")
    private String tlsCa = "";

    /**
     * @throws CliException when an option cannot be used
     */
    List<PeerTarget> targets() {
        List<String> given = peers.stream()
                .map(String::strip)
                .filter(peer -> !peer.isEmpty())
                .toList();
        String token = given.isEmpty() ? "" : Channels.token("--peer-token-file", tokenFile);
        return given.stream().distinct().map(peer -> target(peer, token)).toList();
    }

    private PeerTarget target(String peer, String token) {
        boolean several = peer.startsWith(DNS);
        URI address = Channels.address("--peers", several ? peer.substring(DNS.length()) : peer);
        ChannelCredentials credentials = Channels.credentials(address, "--peer-tls-ca", tlsCa);
        return new PeerTarget(
                peer, several, () -> Channels.to(several ? peer : address.getAuthority(), credentials, token));
    }
}
