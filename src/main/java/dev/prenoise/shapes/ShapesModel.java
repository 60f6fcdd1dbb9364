package dev.prenoise.shapes;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The diffusion models of this world as they ship: folders in diffusers layout among the resources. Weights are memory-mapped, and a
 * resource inside a jar is no file, so a folder is copied out once. Thread-safe, and safe among processes that share a cache.
 */
public enum ShapesModel {
    /** Predicts the noise. */
    SHAPES(ShapesModel.ID, "model/"),

    /** Predicts v; smaller. Text encoder, tokenizer and autoencoder are those of {@link #SHAPES}. */
    SHAPES_V("shapes-v", "model-v/", "model/");

    /** The name under which the first is known, which is meant where none is named. */
    public static final String ID = "shapes";

    private final ResourceFolder folder;

    ShapesModel(String id, String... paths) {
        folder = new ResourceFolder(id, List.of(paths));
    }

    /** The name under which it is known. */
    public String id() {
        return folder.name();
    }

    /** The one of this name; null when none has it. */
    public static @Nullable ShapesModel of(String id) {
        return Arrays.stream(values())
                .filter(model -> model.id().equals(id))
                .findFirst()
                .orElse(null);
    }

    /** The model's files, relative to its folder, such as {@code unet/config.json}. */
    public List<String> files() {
        return List.copyOf(folder.sums().keySet());
    }

    /** SHA-256 of a file of the model, in lower-case hexadecimal; null when there is no such file. */
    public @Nullable String sha256Of(String file) {
        return folder.sums().get(file);
    }

    /**
     * A file of the model; the caller closes it.
     *
     * @param file one of {@link #files()}
     * @throws IllegalArgumentException when there is no such file
     */
    public InputStream open(String file) {
        return folder.open(file);
    }

    /**
     * The model's folder on disk, in a subfolder of the cache that is named after the files' content. What is there already is checked
     * against the SHA-256 list (some 10 ms for 9 MB) and used; what is missing or damaged is written beside it and renamed into place.
     *
     * @param cache created when missing
     * @throws IOException when the cache cannot be written
     */
    public Path extractTo(Path cache) throws IOException {
        return folder.extractTo(cache);
    }
}
