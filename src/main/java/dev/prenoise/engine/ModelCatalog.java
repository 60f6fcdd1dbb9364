package dev.prenoise.engine;

import java.util.List;

/**
 * The backbones and LoRAs of this process. Thread-safe.
 *
 * <p>Names are looked up in the lists only: no name leads to a file that the scan of the folders did not find.
 */
public interface ModelCatalog extends AutoCloseable {
    /** As the folders are now: new files appear, removed ones vanish. Files that cannot be used are there with their problem. */
    List<BackboneInfo> list();

    /** As the folders are now. */
    List<LoraInfo> loras();

    /** The id that an empty request field means. */
    String defaultId();

    /**
     * The id of the list that is meant: an id, or where only one answers to it a file name with or without its extension, a SHA-256, or the
     * SHA-256's first 10 digits.
     *
     * @param id "" = the default
     * @throws UnknownBackboneException when there is none; carries the ids there are
     * @throws InvalidFieldException when several answer to it
     * @throws ModelException when it cannot be used; says why
     */
    String resolve(String id);

    /**
     * The name of the list that is meant, as {@link #resolve} does it for backbones.
     *
     * @param field where the name stands in the request, for messages
     * @throws InvalidFieldException when there is none, several answer to it, or it cannot be used
     */
    String resolveLora(String field, String name);

    /**
     * Which weights a search on these begins with: the backbone's, then the LoRAs'.
     *
     * @param id of the list
     * @param loras names of the list
     * @throws UnknownBackboneException when the backbone is gone
     * @throws InvalidFieldException when a LoRA is gone
     */
    List<WeightsPin> pins(String id, List<String> loras);

    /**
     * The backbone's pin as it is where another device computes in the precision that this catalog is told.
     *
     * @param id of the list
     * @param device as {@link dev.prenoise.tensor.Compute#nameOf} has it; this machine need not have it
     * @throws UnknownBackboneException when the backbone is gone
     */
    WeightsPin pin(String id, String device);

    /**
     * Reads the backbone's files where their hashes are not known yet: seconds for each GB, once in a file's life. Its pin has a hash from
     * then on. Those without files always have one.
     *
     * @throws UnknownBackboneException when it is gone
     * @throws ModelException when its files cannot be read
     */
    default void hash(String id) throws InterruptedException {}

    List<DeviceInfo> devices();

    /** Those on the same device, in the same memory. */
    VerifierCatalog verifiers();

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
