package dev.prenoise.engine;

import dev.prenoise.tensor.Compute;
import dev.prenoise.verifier.Verifier;
import dev.prenoise.verifier.VerifierOffer;
import java.util.List;
import java.util.Optional;

/** The verifiers there are. Listing is thread-safe; opened verifiers compute on the device's lane thread only. */
public interface VerifierCatalog {
    /**
     * Every known one, those included whose files are missing: their problem says what to put where. Of several with one name the first has
     * it, and the others a problem. Loads nothing.
     */
    List<VerifierOffer> list();

    /**
     * What a resolved name stands for.
     *
     * @param offers as listed
     */
    static Optional<VerifierOffer> offer(List<VerifierOffer> offers, String name) {
        return offers.stream().filter(offer -> offer.name().equals(name)).findFirst();
    }

    /**
     * The name that a request's name stands for: itself, or what an alias ("clip", "aesthetic") means beside this backbone.
     *
     * @param field of the request, for messages
     * @param backboneFamily as {@link BackboneInfo#family()}, or "" where there is none
     * @throws InvalidFieldException when there is none of that name, or it cannot be used; lists those that can
     */
    String resolve(String field, String name, String backboneFamily);

    /**
     * Built on first use, shared afterwards. Not the caller's to close.
     *
     * @param name resolved
     */
    Verifier open(String name);

    /** Where they compute. */
    default Compute compute() {
        return Compute.cpu();
    }

    /**
     * Which weights a search with these begins with. Those that read no files have none.
     *
     * @param names resolved
     */
    default List<WeightsPin> pins(List<String> names) {
        return List.of();
    }

    /**
     * Reads a verifier's files where their hashes are not known yet. Its pin has a hash from then on.
     *
     * @param name resolved
     * @throws dev.prenoise.verifier.VerifierException when they cannot be read
     */
    default void hash(String name) throws InterruptedException {}
}
