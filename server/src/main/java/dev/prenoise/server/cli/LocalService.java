package dev.prenoise.server.cli;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.server.ops.SidecarServer;
import java.time.Duration;

/** The service in this process: the same one that {@code prenoise serve} offers, without a network. */
final class LocalService {
    private LocalService() {}

    /** Searches are stored in a temporary folder that goes with the service. The catalog is closed with it. */
    static Service start(ModelCatalog catalog) {
        // A command that is told to stop has nobody to finish for.
        SidecarServer server = new SidecarServer(SidecarConfig.DEFAULT.withGrace(Duration.ZERO), catalog);
        return new Service("this process", server.startInProcess(), () -> {
            server.close();
            catalog.close();
        });
    }
}
