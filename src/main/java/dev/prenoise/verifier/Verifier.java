package dev.prenoise.verifier;

import java.nio.file.Path;
import java.util.List;

/**
 * Scores pictures: a network, a rule, a service. Building one reads no weights; they load when a {@link Judge} first needs them. One thread
 * at a time, but {@link #loadedBytes} may be asked by any.
 */
public interface Verifier extends AutoCloseable {
    /** As requests name it: "clip-l14", "aesthetic", "image-reward", "llm", ... */
    String name();

    /**
     * Reads the question, once for all pictures. Several judges of one verifier may be open, each for its own search.
     *
     * @throws VerifierException when the question cannot be used or the weights cannot be read; names the field or the file
     */
    Judge judge(Question question);

    /**
     * Does a part, of a second or so, of what {@link #judge} of this question would have to do first. What is done stays done, for other
     * questions too.
     *
     * @return whether there is more of it
     * @throws VerifierException as {@link #judge}
     */
    default boolean prepare(Question question) {
        return false;
    }

    /** The files whose content its scores depend on: a search that goes on later wants them unchanged. */
    default List<Path> files() {
        return List.of();
    }

    /**
     * What it computes with. Verifiers with the same one share weights: they load and unload together, and one of them computes at a time.
     */
    default Object body() {
        return this;
    }

    /**
     * What else they depend on, in words that nobody but a program compares: a service's address, a model's name. Empty = nothing.
     */
    default String settings() {
        return "";
    }

    /** Bytes of weights on the device when all are loaded. */
    default long bytes() {
        return 0;
    }

    /** Bytes of weights on the device. */
    default long loadedBytes() {
        return 0;
    }

    /** Takes the weights off the device; they load again when they are next read. Returns the bytes freed. */
    default long unload() {
        return 0;
    }

    @Override
    void close();
}
