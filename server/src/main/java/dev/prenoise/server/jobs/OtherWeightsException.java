package dev.prenoise.server.jobs;

/** A sidecar cannot help another: what it has is not the same. The message names what, and what was expected. */
public final class OtherWeightsException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public OtherWeightsException(String message) {
        super(message);
    }

    /**
     * @param unknown whether a hash is not known yet on one of the sides
     */
    static OtherWeightsException files(String name, boolean unknown) {
        return new OtherWeightsException("the files of \"" + name + "\" are others"
                + (unknown ? ", or their SHA-256 is not known yet" : "") + " (expected: the same files)");
    }

    static OtherWeightsException settings(String name) {
        return new OtherWeightsException("the precision, the card, the configs or the service of \"" + name
                + "\" are others (expected: all the same)");
    }
}
