package dev.prenoise.engine;

import dev.prenoise.tensor.Compute;
import java.nio.file.Path;
import java.util.List;

/** Where a {@link ModelCatalog} comes from. */
public final class Catalogs {
    private Catalogs() {}

    /**
     * The built-in model, and what is found in the directories: single files and diffusers folders. They are not read before they are asked
     * for or listed.
     *
     * @throws ModelException when the cache cannot be written, a directory is none, or there is no such default model
     * @throws IllegalArgumentException when this machine has no such device
     */
    public static ModelCatalog create(CatalogOptions options) {
        return new FolderCatalog(options, Compute.of(options.engine().device()));
    }

    /** As {@link #create(CatalogOptions)}, without LoRAs. */
    public static ModelCatalog create(Path cache, List<Path> modelDirectories, String device) {
        return create(CatalogOptions.of(cache).withModels(modelDirectories).withEngine(EngineOptions.of(device)));
    }
}
