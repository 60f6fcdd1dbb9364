package dev.prenoise.shapes;

/**
 * One object of a scene.
 *
 * @param x centre, pixels from the left; a pixel's own coordinates are whole numbers
 * @param y centre, pixels from the top
 * @param r radius, pixels
 */
public record SceneObject(Shape shape, Colour colour, double x, double y, double r) {
    /** Same figure in the same paint, wherever they are. */
    public boolean isTwinOf(SceneObject other) {
        return shape == other.shape && colour == other.colour;
    }
}
