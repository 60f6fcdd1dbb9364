package dev.prenoise.shapes;

import java.util.Optional;

/**
 * Objects that a prompt asks for.
 *
 * @param colour empty when any will do
 * @param count how many of them, at least 1
 */
public record Wanted(Shape shape, Optional<Colour> colour, int count) {
    public Wanted {
        if (count < 1) {
            throw new IllegalArgumentException("count: " + count + " (expected: >= 1)");
        }
    }
}
