package dev.prenoise.engine;

import dev.prenoise.tensor.Compute;
import java.nio.file.Path;
import java.util.List;

/** Where a {@link ModelCatalog} comes from. */
public final class Catalogs {
    private Catalogs() {}

    /**
     * The built-in model, and every diffusers folder found in the model directories.
     *
     * @param cache a directory for the built-in model's files; created when missing
     * @param device "cpu", "cuda", "cuda:1", "mps"
     * @throws ModelException when the cache cannot be written or a model directory is none
     * @throws IllegalArgumentException when this machine has no such device
     */
    public static ModelCatalog create(Path cache, List<Path> modelDirectories, String device) {
        return new FolderCatalog(cache, modelDirectories, Compute.of(device));
    }
}
