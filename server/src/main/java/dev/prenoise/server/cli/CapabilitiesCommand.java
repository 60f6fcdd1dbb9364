package dev.prenoise.server.cli;

import dev.prenoise.v1.Backbone;
import dev.prenoise.v1.Device;
import dev.prenoise.v1.GetCapabilitiesRequest;
import dev.prenoise.v1.GetCapabilitiesResponse;
import dev.prenoise.v1.VerifierInfo;
import io.grpc.StatusRuntimeException;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code prenoise capabilities}: what a sidecar can do now. */
@Command(
        name = "capabilities",
        header = "Lists models, losses, searches and devices.",
        description = "Asks the sidecar at --target, or this process.",
        sortOptions = false)
final class CapabilitiesCommand implements Callable<Integer> {
    private static final long TIMEOUT_SECONDS = 30;

    private final Console console;
    private final Function<ModelOptions, Service> local;

    @Mixin
    private ServiceOptions service = new ServiceOptions();

    CapabilitiesCommand(Console console, Function<ModelOptions, Service> local) {
        this.console = console;
        this.local = local;
    }

    @Override
    public Integer call() {
        try (Service open = service.open(local)) {
            print(ask(open));
        }
        return 0;
    }

    private static GetCapabilitiesResponse ask(Service service) {
        try {
            return service.stub()
                    .withDeadlineAfter(TIMEOUT_SECONDS, TimeUnit.SECONDS)
                    .getCapabilities(GetCapabilitiesRequest.getDefaultInstance());
        } catch (StatusRuntimeException e) {
            throw Failures.of(e, service.name());
        }
    }

    private void print(GetCapabilitiesResponse capabilities) {
        row("version", capabilities.getVersion());
        rows(
                "device",
                capabilities.getDevicesList().stream()
                        .map(CapabilitiesCommand::device)
                        .toList());
        rows(
                "backbone",
                capabilities.getBackbonesList().stream()
                        .map(CapabilitiesCommand::backbone)
                        .toList());
        row("losses", capabilities.getLossesList().stream().map(WireNames::of).collect(Collectors.joining(", ")));
        row(
                "searches",
                capabilities.getAlgorithmsList().stream().map(WireNames::of).collect(Collectors.joining(", ")));
        rows(
                "verifier",
                capabilities.getVerifiersList().stream()
                        .map(CapabilitiesCommand::verifier)
                        .toList());
        console.out().flush();
    }

    private void rows(String label, List<String> values) {
        values.forEach(value -> row(label, value));
    }

    private void row(String label, String value) {
        if (!value.isEmpty()) {
            console.out().println(String.format(Locale.ROOT, "%-10s%s", label, value));
        }
    }

    private static String device(Device device) {
        return device.getName() + ", " + gigabytes(device.getMemoryFree()) + " of " + gigabytes(device.getMemoryTotal())
                + " GB free";
    }

    private static String backbone(Backbone backbone) {
        return backbone.getId() + " (" + backbone.getFamily() + ", " + backbone.getNativeSize() + " px"
                + (backbone.getAttention() ? "" : ", no attention losses")
                + (backbone.getLoaded() ? ", loaded" : "") + ")"
                + (backbone.getFile().isEmpty() ? "" : " " + backbone.getFile());
    }

    private static String verifier(VerifierInfo verifier) {
        return verifier.getName() + (verifier.getAvailable() ? "" : ": not available, " + verifier.getReason());
    }

    private static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f", bytes / 1e9);
    }
}
