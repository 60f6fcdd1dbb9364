package dev.prenoise.study;

import dev.prenoise.attention.LossForm;
import java.util.List;

/**
 * A way to pick noise. One record for all kinds, as it crosses to other machines.
 *
 * @param name in tables; says nothing of what is computed
 * @param loss of {@link Kind#RANK} and {@link Kind#OPTIMIZE}; else ""
 * @param form of the loss
 * @param verifiers that are followed, of several the mean rank; else none
 */
public record Strategy(String name, Kind kind, String loss, LossForm form, List<String> verifiers) {
    /** What is done with the budget N. */
    public enum Kind {
        /** N pictures, nothing picked: what all that pick among the same noises share. No strategy of a file. */
        PICTURES("", Count.PICTURES),
        /** The smallest loss of N noises (Choi et al.). */
        RANK("", Count.LOSSES),
        /** InitNO's gradient steps, N loss evaluations, as many for each noise as it takes. */
        OPTIMIZE("", Count.LOSSES),
        /** The best picture of N (random search). */
        FOLLOW("random", Count.PICTURES),
        ZERO_ORDER("zero-order", Count.PICTURES),
        PATHS("paths", Count.PICTURES),
        ZERO_ORDER_THEN_PATHS("zero-order-then-paths", Count.PICTURES),
        FIRST_ORDER("first-order", Count.PICTURES);

        private final String search;
        private final Count count;

        Kind(String search, Count count) {
            this.search = search;
            this.count = count;
        }

        /** As a file names it; "" = not by this. */
        String search() {
            return search;
        }

        Count count() {
            return count;
        }

        /** Whether it walks on from what it has found, so that it has to be run as it is. */
        boolean sequential() {
            return count == Count.PICTURES && this != PICTURES && this != FOLLOW;
        }
    }

    /** What N counts. */
    enum Count {
        LOSSES("loss evaluations"),
        /** Or what drawing as many costs, in NFEs. */
        PICTURES("pictures");

        private final String words;

        Count(String words) {
            this.words = words;
        }

        String words() {
            return words;
        }
    }

    /** All that share (prompt, seed) judge the same pictures. */
    static final Strategy PICTURES = new Strategy("pictures", Kind.PICTURES, "", LossForm.RANKING, List.of());

    public Strategy {
        verifiers = List.copyOf(verifiers);
    }

    Strategy withoutName() {
        return new Strategy("", kind, loss, form, verifiers);
    }

    /** Whether its candidates are those of {@link #PICTURES}, whose pictures are judged there. */
    boolean picksAmongShared() {
        return kind == Kind.RANK || kind == Kind.FOLLOW;
    }
}
