package dev.prenoise.server.cli;

import dev.prenoise.v1.Backbone;
import dev.prenoise.v1.Device;
import dev.prenoise.v1.GetCapabilitiesRequest;
import dev.prenoise.v1.GetCapabilitiesResponse;
import dev.prenoise.v1.LoraInfo;
import dev.prenoise.v1.Peer;
import dev.prenoise.v1.PeerState;
import dev.prenoise.v1.VerifierInfo;
import io.grpc.StatusRuntimeException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code prenoise capabilities}: what a sidecar can do now. */
@Command(
        name = "capabilities",
        aliases = "models",
        header = "Lists models, losses, searches and devices.",
        description = "Asks the sidecar at --target, or this process.",
        sortOptions = false)
final class CapabilitiesCommand implements Callable<Integer> {
    /** Folders of hundreds of models are read within seconds, from a network drive within more. */
    private static final long TIMEOUT_SECONDS = 120;

    /** What A1111 shows. */
    private static final int SHORT_HASH = 10;

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
        row("losses", capabilities.getLossesList().stream().map(WireNames::of).collect(Collectors.joining(", ")));
        row(
                "searches",
                capabilities.getAlgorithmsList().stream().map(WireNames::of).collect(Collectors.joining(", ")));
        rows(
                "verifier",
                capabilities.getVerifiersList().stream()
                        .map(CapabilitiesCommand::verifier)
                        .toList());
        rows(
                "peer",
                capabilities.getPeersList().stream()
                        .map(CapabilitiesCommand::peer)
                        .toList());
        table(capabilities);
        console.out().flush();
    }

    /** Backbones, then LoRAs; what is wrong with one stands in place of its numbers. */
    private void table(GetCapabilitiesResponse capabilities) {
        List<List<String>> table = new ArrayList<>();
        table.add(List.of("BACKBONE", "FAMILY", "GB", "PIXELS", "PREDICTS", "SHA256", ""));
        for (Backbone backbone : capabilities.getBackbonesList()) {
            boolean usable = backbone.getProblem().isEmpty();
            table.add(List.of(
                    backbone.getId(),
                    orDash(backbone.getFamily()),
                    size(backbone.getBytes()),
                    usable ? String.valueOf(backbone.getNativeSize()) : "-",
                    orDash(backbone.getPrediction()),
                    backbone.getSha256().isEmpty() ? "-" : backbone.getSha256().substring(0, SHORT_HASH),
                    usable ? notes(backbone, capabilities) : "cannot be used: " + backbone.getProblem()));
        }
        if (capabilities.getLorasCount() > 0) {
            table.add(List.of("LORA", "", "GB", "", "", "", ""));
        }
        for (LoraInfo lora : capabilities.getLorasList()) {
            String problem = lora.getProblem().isEmpty() ? "" : "cannot be used: " + lora.getProblem();
            table.add(List.of(lora.getName(), "", size(lora.getBytes()), "", "", "", problem));
        }
        print(table);
    }

    private static String notes(Backbone backbone, GetCapabilitiesResponse capabilities) {
        return Stream.of(
                        backbone.getId().equals(capabilities.getDefaultBackbone()) ? "default" : "",
                        backbone.getLoaded() ? "loaded" : "",
                        backbone.getAttention() ? "" : "no attention losses")
                .filter(note -> !note.isEmpty())
                .collect(Collectors.joining(", "));
    }

    private void print(List<List<String>> table) {
        int[] widths = new int[table.get(0).size()];
        for (List<String> row : table) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        for (List<String> row : table) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                line.append(row.get(i)).append(" ".repeat(widths[i] - row.get(i).length() + 2));
            }
            console.out().println(line.toString().stripTrailing());
        }
    }

    private static String orDash(String text) {
        return text.isEmpty() ? "-" : text;
    }

    private static String size(long bytes) {
        return String.format(Locale.ROOT, "%.2f", bytes / 1e9);
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

    private static String peer(Peer peer) {
        return peer.getAddress() + ": "
                + (peer.getState() == PeerState.PEER_STATE_SERVING ? "serving" : peer.getReason());
    }

    private static String verifier(VerifierInfo verifier) {
        return verifier.getName()
                + (verifier.getAvailable() ? ": " + verifier.getTitle() : ": not available, " + verifier.getReason());
    }

    private static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f", bytes / 1e9);
    }
}
