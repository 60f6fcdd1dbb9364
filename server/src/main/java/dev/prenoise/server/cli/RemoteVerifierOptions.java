package dev.prenoise.server.cli;

import dev.prenoise.server.grpc.RemoteVerifier;
import dev.prenoise.verifier.VerifierOffer;
import io.grpc.ChannelCredentials;
import java.net.URI;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which verifiers there are at other servers. */
final class RemoteVerifierOptions {
    /** {@code NAME=HOST:PORT} or {@code NAME=HOST:PORT/THEIR_NAME}. */
    private static final Pattern REMOTE = Pattern.compile("([A-Za-z0-9][A-Za-z0-9._-]*)=([^/]+)(?:/(.+))?");

    @Option(
            names = "--verifier-at",
            paramLabel = "NAME=HOST:PORT[/THEIR_NAME]",
            description =
                    "A verifier of another sidecar, or of any server that answers ScoreImages, under a name of your own; "
                            + "THEIR_NAME where it has another there. Comes before one of that name here. Called over TLS unless it is on this machine. May be given again.")
    private List<String> remotes = new ArrayList<>();

    @Option(
            names = "--verifier-token-file",
            paramLabel = "FILE",
            defaultValue = "${env:PRENOISE_VERIFIER_TOKEN_FILE:-}",
            description = "A file that holds the token for all --verifier-at.")
    private String tokenFile = "";

    @Option(
            names = "--verifier-tls-ca",
            paramLabel = "FILE",
            defaultValue = "${env:PRENOISE_VERIFIER_TLS_CA:-}",
            description = "The certificates (PEM) to trust for all --verifier-at instead of Java's.")
    private String tlsCa = "";

    /** The name of an option that is set; null = none is. */
    @Nullable
    String firstSet() {
        return remotes.isEmpty() ? null : "--verifier-at";
    }

    /**
     * @throws CliException when an option cannot be used
     */
    List<VerifierOffer> offers() {
        List<VerifierOffer> offers = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (String remote : remotes) {
            Matcher parts = REMOTE.matcher(remote);
            if (!parts.matches()) {
                throw new CliException(
                        "--verifier-at: " + remote
                                + " (expected: NAME=HOST:PORT or NAME=HOST:PORT/THEIR_NAME, such as clip=127.0.0.1:50551/clip-l14)");
            }
            String name = parts.group(1);
            if (!names.add(name)) {
                throw new CliException("--verifier-at: " + remote + " (expected: another name; " + name + " is taken)");
            }
            URI address = Channels.address("--verifier-at", parts.group(2));
            ChannelCredentials credentials = Channels.credentials(address, "--verifier-tls-ca", tlsCa);
            String token = Channels.token("--verifier-token-file", tokenFile);
            offers.add(RemoteVerifier.offer(
                    name,
                    parts.group(3) == null ? name : parts.group(3),
                    parts.group(2),
                    () -> Channels.to(address, credentials, token).build(),
                    RemoteVerifier.DEADLINE));
        }
        return offers;
    }
}
