package dev.prenoise.verifier;

import java.nio.file.Path;
import java.util.List;

/** A family of verifiers, and where its files are looked for. */
@FunctionalInterface
public interface VerifierKind {
    /**
     * Those whose files are there, and those that would be: every name of the kind is offered once at least. Reads no weights.
     *
     * @param folders of the user's {@code --verifiers}
     */
    List<VerifierOffer> offers(List<Path> folders);
}
