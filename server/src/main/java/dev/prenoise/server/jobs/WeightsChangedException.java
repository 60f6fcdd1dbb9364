package dev.prenoise.server.jobs;

/** A search cannot go on, because its backbone's or a LoRA's file is another than when it began. */
public final class WeightsChangedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    WeightsChangedException(String id, String weights) {
        super("search_id: \"" + id + "\" cannot go on: the weights of \"" + weights
                + "\" are others than when it began (expected: the same file, or another search_id to begin anew)");
    }
}
