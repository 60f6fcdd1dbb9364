package dev.prenoise.server.cli;

import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.tensor.Compute;

/** The one place where this process's models come from. */
final class Models {
    private Models() {}

    /**
     * @throws CliException when this machine has no such device
     * @throws dev.prenoise.engine.ModelException when the models' files cannot be read
     */
    static ModelCatalog open(ModelOptions options) {
        String device = options.device().isEmpty() ? best() : options.device();
        try {
            return Catalogs.create(Folders.cache(), options.folders(), device);
        } catch (IllegalArgumentException e) {
            throw new CliException("--" + e.getMessage(), e);
        }
    }

    private static String best() {
        return Compute.cudaDevices() > 0 ? "cuda" : "cpu";
    }
}
