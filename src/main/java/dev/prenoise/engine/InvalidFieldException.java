package dev.prenoise.engine;

/** A caller's value cannot be used. The message reads {@code field: value (expected: what)}. */
public final class InvalidFieldException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    private final String field;
    private final String description;

    /**
     * @param field path in the request, such as {@code prompt.subjects[1].text}
     * @param description value and expectation, such as {@code "dog" (expected: a subject of the prompt; found: cat, frog)}
     */
    public InvalidFieldException(String field, String description) {
        super(field + ": " + description);
        this.field = field;
        this.description = description;
    }

    /** From an engine message {@code field: value (expected: what)}, its field put under a parent: {@code steps} becomes {@code sampling.steps}. */
    static InvalidFieldException under(String parent, IllegalArgumentException cause) {
        String[] parts = String.valueOf(cause.getMessage()).split(": ", 2);
        return parts.length == 2
                ? new InvalidFieldException(parent + "." + parts[0], parts[1])
                : new InvalidFieldException(parent, parts[0]);
    }

    public String field() {
        return field;
    }

    public String description() {
        return description;
    }
}
