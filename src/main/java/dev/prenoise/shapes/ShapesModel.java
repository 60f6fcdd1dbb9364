package dev.prenoise.shapes;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The diffusion model of this world as it ships: a folder in diffusers layout among the resources. Weights are memory-mapped, and a
 * resource inside a jar is no file, so the folder is copied out once. Thread-safe, and safe among processes that share a cache.
 */
public final class ShapesModel {
    /** The name under which the built-in model is known. */
    public static final String ID = "shapes";

    private static final ResourceFolder FOLDER = new ResourceFolder(ID, "model/");

    private ShapesModel() {}

    /** The model's files, relative to its folder, such as {@code unet/config.json}. */
    public static List<String> files() {
        return List.copyOf(FOLDER.sums().keySet());
    }

    /** SHA-256 of a file of the model, in lower-case hexadecimal; null when there is no such file. */
    public static @Nullable String sha256Of(String file) {
        return FOLDER.sums().get(file);
    }

    /**
     * A file of the model; the caller closes it.
     *
     * @param file one of {@link #files()}
     * @throws IllegalArgumentException when there is no such file
     */
    public static InputStream open(String file) {
        return FOLDER.open(file);
    }

    /**
     * The model's folder on disk, in a subfolder of the cache that is named after the files' content. What is there already is checked
     * against the SHA-256 list (some 10 ms for 9 MB) and used; what is missing or damaged is written beside it and renamed into place.
     *
     * @param cache created when missing
     * @throws IOException when the cache cannot be written
     */
    public static Path extractTo(Path cache) throws IOException {
        return FOLDER.extractTo(cache);
    }
}
