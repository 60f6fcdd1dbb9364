package dev.prenoise.engine;

/** What a host answered cannot be used. The message reads {@code field: value (expected: what)}. */
public final class HostAnswerException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String field;
    private final String description;

    /**
     * @param field path in the answer, such as {@code evaluation.attention[0].cross_attention.shape}
     * @param description value and expectation
     */
    public HostAnswerException(String field, String description) {
        super(field + ": " + description);
        this.field = field;
        this.description = description;
    }

    public String field() {
        return field;
    }

    public String description() {
        return description;
    }
}
