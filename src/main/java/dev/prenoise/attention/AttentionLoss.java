package dev.prenoise.attention;

import java.util.List;

/** A loss on attention maps: how badly a noise is about to serve the prompt's subjects. Stateless and thread-safe. */
public interface AttentionLoss {
    /** Its name on the wire and the command line: "initno", "conform", "self-cross", "attend-and-excite". */
    String name();

    /** Whether it reads {@link AttentionMaps#self()}; where it does not, self maps need not be built. */
    boolean readsSelfAttention();

    /**
     * @param subjects at least one
     * @param gradient whether to return the gradient with respect to the maps
     * @throws IllegalArgumentException when a token index lies outside the maps, or self maps are missing where they are read; the
     *     message names the field
     */
    LossValue evaluate(AttentionMaps maps, List<TokenGroup> subjects, boolean gradient);
}
