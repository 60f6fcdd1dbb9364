package dev.prenoise.server.grpc;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Collects what is wrong with a request, so that a caller learns of all of it at once. */
final class Violations {
    private static final int LONGEST_VALUE = 60;

    /** One bad field; the description reads {@code value (expected: what)}. */
    record Violation(String field, String description) {
        @Override
        public String toString() {
            return field + ": " + description;
        }
    }

    private final List<Violation> violations = new ArrayList<>();

    void add(String field, Object value, String expected) {
        violations.add(new Violation(field, value + " (expected: " + expected + ")"));
    }

    /** Takes a message that already reads {@code field: value (expected: what)}; the prefix leads to its field, such as {@code recipes[0].} */
    void add(String prefix, IllegalArgumentException e) {
        String message = String.valueOf(e.getMessage());
        int colon = message.indexOf(": ");
        violations.add(
                colon < 0
                        ? new Violation(prefix, message)
                        : new Violation(prefix + message.substring(0, colon), message.substring(colon + 2)));
    }

    /** Takes those of a message that stands in another one's field, such as {@code start.request.} */
    void addAll(String prefix, Violations others) {
        others.violations.forEach(each -> violations.add(new Violation(prefix + each.field(), each.description())));
    }

    /** Null where there are none. */
    @Nullable
    Violation first() {
        return violations.isEmpty() ? null : violations.get(0);
    }

    /**
     * @throws InvalidRequestException unless there are none
     */
    void throwIfAny() {
        if (!violations.isEmpty()) {
            throw new InvalidRequestException(violations);
        }
    }

    /** A caller's text as it may stand in a message: quoted, on one line, not too long. */
    static String quoted(String text) {
        return quoted(text, LONGEST_VALUE);
    }

    /**
     * @param longest code points
     */
    static String quoted(String text, int longest) {
        String line = text.codePoints()
                .limit(longest)
                .map(c -> Character.isISOControl(c) ? ' ' : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
        return "\"" + line + (line.length() < text.length() ? "..." : "") + "\"";
    }
}
