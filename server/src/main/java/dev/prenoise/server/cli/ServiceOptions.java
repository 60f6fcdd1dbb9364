package dev.prenoise.server.cli;

import io.grpc.ManagedChannelBuilder;
import java.net.URI;
import java.util.function.Function;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which service a command talks to: that at {@code --target}, else one started in this process. */
final class ServiceOptions {
    @Option(
            names = "--target",
            paramLabel = "HOST:PORT",
            defaultValue = "${env:PRENOISE_TARGET:-}",
            description = "A running sidecar (prenoise serve). Without it, the search runs in this process.")
    private String target = "";

    @Option(
            names = "--token",
            paramLabel = "TOKEN",
            defaultValue = "${env:PRENOISE_TOKEN:-}",
            description = "The sidecar's token. Better in the environment, as PRENOISE_TOKEN, or in --token-file.")
    private String token = "";

    @Option(
            names = "--token-file",
            paramLabel = "FILE",
            defaultValue = "${env:PRENOISE_TOKEN_FILE:-}",
            description = "A file that holds the sidecar's token.")
    private String tokenFile = "";

    @Option(
            names = "--tls-ca",
            paramLabel = "FILE",
            defaultValue = "${env:PRENOISE_TLS_CA:-}",
            description =
                    "The certificates (PEM) to trust instead of Java's. An address that is not loopback is always called over TLS.")
    private String tlsCa = "";

    @Mixin
    private ModelOptions models = new ModelOptions();

    /**
     * @param local starts the service in this process
     * @throws CliException when an option cannot be used
     */
    Service open(Function<ModelOptions, Service> local) {
        if (target.isEmpty()) {
            return local.apply(models);
        }
        String own = models.firstSet();
        if (own != null) {
            throw new CliException(own + ": with --target (expected: one of them; a sidecar has its own)");
        }
        URI address = Channels.address("--target", target);
        ManagedChannelBuilder<?> builder =
                Channels.to(address, Channels.credentials(address, "--tls-ca", tlsCa), secret());
        return new Service(target, builder.build(), () -> {});
    }

    /** A backbone as the service knows it: a file or folder of this machine, where the service runs here, is added to its models. */
    String model(String idOrFile) {
        return target.isEmpty() ? models.model(idOrFile) : idOrFile;
    }

    /** A LoRA as the service knows it, likewise. */
    String lora(String nameOrFile) {
        return target.isEmpty() ? models.lora(nameOrFile) : nameOrFile;
    }

    private String secret() {
        return token.isEmpty() ? Channels.token("--token-file", tokenFile) : token.strip();
    }
}
