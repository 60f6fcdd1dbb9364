package dev.prenoise.engine;

import java.util.List;

/** The backbones of this process. Thread-safe. */
public interface ModelCatalog extends AutoCloseable {
    List<BackboneInfo> list();

    /** The id that an empty request field means. */
    String defaultId();

    List<DeviceInfo> devices();

    /**
     * The model, loading it on first use. Call it, and the model's own computing methods, from the device's lane thread only.
     *
     * @throws UnknownBackboneException when there is none of that id; carries the ids there are
     * @throws ModelException when its files cannot be read; names the file
     */
    Model open(String id);

    /** Frees every loaded model that is not computing now; they load again on the next {@link #open}. Returns the bytes freed. */
    long releaseMemory();

    @Override
    void close();
}
