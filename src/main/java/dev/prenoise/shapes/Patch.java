package dev.prenoise.shapes;

import static dev.prenoise.shapes.World.SIZE;

/** A coherent patch of paint on the background: what a shape is fitted to. Immutable. */
final class Patch {
    /** Cover of a pixel that something else lies in front of. */
    static final float HIDDEN = -1;

    /** Covers are steepened about one half, here and in a shape's: an outline that a decoder has blurred counts like a sharp one. */
    static final double STEEPENING = 1.5;

    private final float[] cover;
    private double area;
    private double massX;
    private double massY;

    /**
     * @param cover {@code [64, 64]}, how much of each pixel is covered, 0 to 1, or {@link #HIDDEN}
     */
    Patch(float[] cover) {
        this.cover = cover;
        for (int i = 0; i < cover.length; i++) {
            if (cover[i] > 0) {
                area += cover[i];
                massX += cover[i] * (i % SIZE);
                massY += cover[i] * (i / SIZE);
            }
        }
        massX /= area;
        massY /= area;
    }

    /**
     * One part of this patch; what belongs to the others is hidden.
     *
     * @param owners which part each of the pixels belongs to
     */
    Patch part(int[] pixels, int[] owners, int part) {
        float[] rest = cover.clone();
        for (int i = 0; i < pixels.length; i++) {
            if (owners[i] != part) {
                rest[pixels[i]] = HIDDEN;
            }
        }
        return new Patch(rest);
    }

    /** Nothing is covered outside the picture. */
    float cover(int x, int y) {
        return x < 0 || y < 0 || x >= SIZE || y >= SIZE ? 0 : cover[y * SIZE + x];
    }

    /** In pixels. */
    double area() {
        return area;
    }

    /** Centre of mass, pixels from the left. */
    double massX() {
        return massX;
    }

    /** Centre of mass, pixels from the top. */
    double massY() {
        return massY;
    }
}
