package dev.prenoise.shapes;

import java.util.Arrays;
import java.util.List;

/**
 * A shape of radius 1, ready to be laid over pixels: its signed distance in a table (all distances of this world scale with the radius),
 * its extent, its area, and where its centre of mass lies. Thread-safe.
 */
final class ShapeTemplate {
    /** Radii from the centre that the table covers. */
    private static final double REACH = 1.6;

    private static final int CELLS = 128;

    /** Radii on either side of the outline in which its length is measured. */
    private static final double BAND = 0.05;

    private static final double CELLS_PER_RADIUS = CELLS / (2 * REACH);

    private static final List<ShapeTemplate> ALL =
            Arrays.stream(Shape.values()).map(ShapeTemplate::new).toList();

    private final float[] distances = new float[(CELLS + 1) * (CELLS + 1)];
    private final double area;
    private final double massX;
    private final double massY;
    private final double perimeter;
    private double left;
    private double top;
    private double right;
    private double bottom;

    private ShapeTemplate(Shape shape) {
        int inside = 0;
        int band = 0;
        double sumX = 0;
        double sumY = 0;
        for (int row = 0; row <= CELLS; row++) {
            for (int column = 0; column <= CELLS; column++) {
                double x = column / CELLS_PER_RADIUS - REACH;
                double y = row / CELLS_PER_RADIUS - REACH;
                double distance = shape.distance(x, y, 1);
                distances[row * (CELLS + 1) + column] = (float) distance;
                if (Math.abs(distance) < BAND) {
                    band++;
                }
                if (distance < 0) {
                    inside++;
                    sumX += x;
                    sumY += y;
                    left = Math.min(left, x);
                    top = Math.min(top, y);
                    right = Math.max(right, x);
                    bottom = Math.max(bottom, y);
                }
            }
        }
        area = inside / (CELLS_PER_RADIUS * CELLS_PER_RADIUS);
        perimeter = band / (CELLS_PER_RADIUS * CELLS_PER_RADIUS) / (2 * BAND);
        massX = sumX / inside;
        massY = sumY / inside;
    }

    static ShapeTemplate of(Shape shape) {
        return ALL.get(shape.ordinal());
    }

    /** In squared radii. */
    double area() {
        return area;
    }

    /** Length of the outline, in radii. */
    double perimeter() {
        return perimeter;
    }

    /** Centre of mass relative to the centre, in radii. */
    double massX() {
        return massX;
    }

    /** Centre of mass relative to the centre, in radii, downwards. */
    double massY() {
        return massY;
    }

    /** Extent relative to the centre, in radii; likewise the next three. */
    double left() {
        return left;
    }

    double top() {
        return top;
    }

    double right() {
        return right;
    }

    double bottom() {
        return bottom;
    }

    /**
     * Signed distances along a row of pixels, in radii.
     *
     * @param y the row relative to the centre, in radii, within {@link #REACH}
     * @param x the first pixel relative to the centre, in radii, within {@link #REACH}; the last must be, too
     * @param step between pixels, in radii
     * @param into one for each pixel
     */
    void distances(double y, double x, double step, float[] into) {
        double row = (y + REACH) * CELLS_PER_RADIUS;
        int upper = (int) row * (CELLS + 1);
        int lower = upper + CELLS + 1;
        float t = (float) (row - (int) row);
        float column = (float) ((x + REACH) * CELLS_PER_RADIUS);
        float columnStep = (float) (step * CELLS_PER_RADIUS);
        for (int i = 0; i < into.length; i++) {
            int c = (int) column;
            float s = column - c;
            float left = distances[upper + c] + t * (distances[lower + c] - distances[upper + c]);
            float right = distances[upper + c + 1] + t * (distances[lower + c + 1] - distances[upper + c + 1]);
            into[i] = left + s * (right - left);
            column += columnStep;
        }
    }
}
