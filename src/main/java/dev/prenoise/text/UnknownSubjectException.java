package dev.prenoise.text;

import java.util.ArrayList;
import java.util.List;

/** A subject that the prompt does not have. */
public final class UnknownSubjectException extends SubjectException {
    private static final long serialVersionUID = 1;

    private final int index;
    private final String subject;
    private final ArrayList<String> found;

    /**
     * @param found the prompt's own subjects, attributes before the noun
     */
    UnknownSubjectException(int index, String subject, List<String> found) {
        super(
                "subjects[" + index + "].text",
                "\"" + subject + "\" (expected: a subject of the prompt, each once; found: "
                        + (found.isEmpty() ? "none" : String.join(", ", found)) + ")");
        this.index = index;
        this.subject = subject;
        this.found = new ArrayList<>(found);
    }

    /** Its place in the request. */
    public int index() {
        return index;
    }

    /** As the caller named it. */
    public String subject() {
        return subject;
    }

    /** What the prompt has instead, each with its attributes before the noun. */
    public List<String> found() {
        return List.copyOf(found);
    }
}
