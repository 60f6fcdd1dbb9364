package dev.prenoise.server.cli;

import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.ModelCatalog;

/** The one place where this process's models come from. */
final class Models {
    private Models() {}

    /**
     * @throws CliException when an option cannot be used, or this machine has no such device
     * @throws dev.prenoise.engine.ModelException when the models' files cannot be read
     */
    static ModelCatalog open(ModelOptions options) {
        try {
            return Catalogs.create(options.catalog());
        } catch (IllegalArgumentException e) {
            boolean cuda = options.device().startsWith("cuda");
            throw new CliException(
                    "--" + e.getMessage() + (cuda ? "; prenoise doctor says how to get CUDA's natives" : ""), e);
        }
    }
}
