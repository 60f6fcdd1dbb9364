package dev.prenoise.text;

/** Subjects that cannot be used with a prompt. The message reads {@code field: value (expected: what)}. */
public sealed class SubjectException extends IllegalArgumentException
        permits NoSubjectsException, UnknownSubjectException {
    private static final long serialVersionUID = 1;

    private final String field;
    private final String description;

    SubjectException(String field, String description) {
        super(field + ": " + description);
        this.field = field;
        this.description = description;
    }

    /** Path within the prompt: {@code text}, or such as {@code subjects[1].token_indices[0]}. */
    public String field() {
        return field;
    }

    /** Value and expectation: the message without the field. */
    public String description() {
        return description;
    }
}
