package dev.prenoise.server.grpc;

import dev.prenoise.engine.ModelCatalog;
import java.util.UUID;

/**
 * What two sidecars have to have in common for their scores to be the same, weights aside.
 *
 * @param version of the program
 * @param device its kind: "cpu", "cuda"
 * @param instance no two sidecars have the same: who reaches itself is not its own peer
 */
public record SidecarIdentity(String version, String device, String instance) {
    /** Drawn anew. */
    public static SidecarIdentity of(String version, ModelCatalog catalog) {
        return new SidecarIdentity(version, device(catalog), UUID.randomUUID().toString());
    }

    private static String device(ModelCatalog catalog) {
        return catalog.devices().stream()
                .findFirst()
                .map(device -> device.name().replaceFirst(":.*", ""))
                .orElse("");
    }
}
