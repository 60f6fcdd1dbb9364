package dev.prenoise.server.jobs;

/** A search cannot go on, because its backbone's, a LoRA's or a verifier's files, what says how it computes, or the host's model is another than when it began. */
public final class WeightsChangedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private WeightsChangedException(String id, String change, String expected) {
        super("search_id: \"" + id + "\" cannot go on: " + change + " than when it began (expected: " + expected
                + ", or another search_id to begin anew)");
    }

    static WeightsChangedException weights(String id, String name) {
        return new WeightsChangedException(id, "the files of \"" + name + "\" are others", "the same files");
    }

    static WeightsChangedException host(String id, String now, String before) {
        return new WeightsChangedException(
                id, "the host's model is another, \"" + now + "\",", "\"" + before + "\" in start.model");
    }

    static WeightsChangedException settings(String id, String name) {
        return new WeightsChangedException(
                id,
                "the card, the configs, the precision or the service of \"" + name + "\" are others",
                "all as they were");
    }
}
