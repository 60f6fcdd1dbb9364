package dev.prenoise.verifier;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A verifier that there is, or would be if its files were there.
 *
 * @param name as requests name it
 * @param title one line for a list: what it measures, and its scale
 * @param problem why it cannot be used, and what to put where; null = it can
 * @param readsPrompt whether the prompt changes its scores
 * @param differentiable whether first-order search can follow it
 * @param takes what of a {@link Question} it reads besides the prompt
 * @param opener builds it; reads headers, no weights
 */
public record VerifierOffer(
        String name,
        String title,
        @Nullable String problem,
        boolean readsPrompt,
        boolean differentiable,
        Set<Extra> takes,
        Opener opener) {
    /** What a question may say besides the prompt. */
    public enum Extra {
        /** {@link Question#label()} */
        LABEL,
        /** {@link Question#instructions()} */
        INSTRUCTIONS,
        /** {@link Question#templates()} */
        TEMPLATES
    }

    public VerifierOffer {
        takes = Set.copyOf(takes);
    }

    /** One that reads nothing of a question but the prompt. */
    public VerifierOffer(
            String name,
            String title,
            @Nullable String problem,
            boolean readsPrompt,
            boolean differentiable,
            Opener opener) {
        this(name, title, problem, readsPrompt, differentiable, Set.of(), opener);
    }

    /** The same, that reads this of a question. */
    public VerifierOffer taking(Extra... extras) {
        return new VerifierOffer(name, title, problem, readsPrompt, differentiable, Set.of(extras), opener);
    }

    /** Builds a verifier. */
    @FunctionalInterface
    public interface Opener {
        /**
         * @param type of the weights on the device
         * @throws VerifierException when the files cannot be read
         */
        Verifier open(Compute compute, DType type);
    }

    /** One that cannot be used. */
    public static VerifierOffer missing(
            String name, String title, String problem, boolean readsPrompt, boolean differentiable) {
        return new VerifierOffer(name, title, problem, readsPrompt, differentiable, (compute, type) -> {
            throw new VerifierException(name + ": " + problem);
        });
    }
}
