package dev.prenoise.text;

/**
 * A stretch of a text in UTF-16 units, as {@link String#substring(int, int)} takes them.
 *
 * @param start first unit
 * @param end one past the last unit
 */
public record Span(int start, int end) {
    /** No text: beginning-of-text, end-of-text and padding tokens. */
    public static final Span NONE = new Span(0, 0);

    /**
     * @throws IllegalArgumentException when it runs backwards
     */
    public Span {
        if (start < 0 || end < start) {
            throw new IllegalArgumentException("span: " + start + ".." + end + " (expected: 0 <= start <= end)");
        }
    }

    public boolean isEmpty() {
        return start == end;
    }

    /** Whether the two share at least one unit. */
    public boolean overlaps(Span other) {
        return start < other.end && other.start < end;
    }

    public String of(String text) {
        return text.substring(start, end);
    }
}
