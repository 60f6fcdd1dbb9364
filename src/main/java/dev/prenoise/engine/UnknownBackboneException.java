package dev.prenoise.engine;

import java.util.List;

/** There is no backbone of that id. */
public final class UnknownBackboneException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String id;

    private final List<String> known;

    public UnknownBackboneException(String id, List<String> known) {
        super("backbone: \"" + id + "\" (expected: one of " + String.join(", ", known) + ")");
        this.id = id;
        this.known = List.copyOf(known);
    }

    public String id() {
        return id;
    }

    public List<String> known() {
        return known;
    }
}
