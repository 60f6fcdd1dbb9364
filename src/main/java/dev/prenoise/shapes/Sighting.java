package dev.prenoise.shapes;

import java.util.List;
import java.util.Optional;

/**
 * One thing that the oracle sees in a picture.
 *
 * @param shape empty when it is not clearly one of the shapes: a blob, a half, a thing between two
 * @param colour empty when its paint is none of the world's, or more than one
 * @param x centre, pixels from the left; of what has no shape, that of the shape which comes nearest
 * @param y centre, pixels from the top
 * @param r radius, pixels
 * @param area pixels covered
 * @param paint its measured colour
 * @param matches for each of {@link Shape#values()}, how well it fits: intersection over union, 0 to 1
 */
public record Sighting(
        Optional<Shape> shape,
        Optional<Colour> colour,
        double x,
        double y,
        double r,
        double area,
        Rgb paint,
        List<Double> matches) {
    public Sighting {
        matches = List.copyOf(matches);
    }

    /** How well the given shape fits, 0 to 1. */
    public double match(Shape shape) {
        return matches.get(shape.ordinal());
    }

    /** Whether this is what is wanted, of which any one will do. */
    boolean is(Wanted wanted) {
        return shape.equals(Optional.of(wanted.shape()))
                && (wanted.colour().isEmpty() || wanted.colour().equals(colour));
    }
}
