package dev.prenoise.shapes;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * A shape laid over a patch.
 *
 * @param x centre, pixels
 * @param y centre, pixels
 * @param r radius, pixels
 * @param match intersection over union of the two covers, 0 to 1
 * @param error how far the patch's outline is from the shape's on average, pixels: what only one of them covers, over the shape's
 *     perimeter. Unlike the match it means the same for a thin shape and a stout one.
 */
record Fit(Shape shape, double x, double y, double r, double match, double error) {
    /** The world has 8.8 to 16 pixels; a model may miss that by a tenth. */
    private static final double SMALLEST = 8;

    private static final double LARGEST = 17.6;

    /** Of a shape's area, what may lie behind something else without being missed. */
    private static final double FREE_HIDDEN = 0.12;

    /** Shapes that come this near to the best by their moments alone are moved to their best place. */
    private static final double NEAR = 0.15;

    private static final int REFINED = 3;

    /** Pixels. */
    private static final double[] STEPS = {0.5, 0.2};

    /** Every shape's fit, best first. */
    static List<Fit> all(Patch patch) {
        List<Fit> fits = new ArrayList<>();
        for (Shape shape : Shape.values()) {
            ShapeTemplate template = ShapeTemplate.of(shape);
            double r = bounded(Math.sqrt(patch.area() / template.area()));
            fits.add(of(shape, patch, patch.massX() - r * template.massX(), patch.massY() - r * template.massY(), r));
        }
        fits.sort(Comparator.comparingDouble(Fit::match).reversed());
        double near = fits.get(0).match - NEAR;
        for (int i = 0; i < REFINED && fits.get(i).match > near; i++) {
            fits.set(i, fits.get(i).refined(patch));
        }
        fits.sort(Comparator.comparingDouble(Fit::match).reversed());
        return fits;
    }

    /** Signed distance of a pixel from the shape's outline, pixels. */
    double distance(int px, int py) {
        return shape.distance(px - x, py - y, r);
    }

    /** Climbs to a better place and size nearby: coordinate search with shrinking steps. */
    private Fit refined(Patch patch) {
        Fit best = this;
        for (double step : STEPS) {
            for (int round = 0; round < 4; round++) {
                Fit from = best;
                best = best.better(patch, step, 0, 0).better(patch, 0, step, 0);
                best = best.better(patch, 0, 0, step);
                if (best == from) {
                    break;
                }
            }
        }
        return best;
    }

    private Fit better(Patch patch, double dx, double dy, double dr) {
        Fit forward = of(shape, patch, x + dx, y + dy, bounded(r + dr));
        if (forward.match > match) {
            return forward;
        }
        Fit back = of(shape, patch, x - dx, y - dy, bounded(r - dr));
        return back.match > match ? back : this;
    }

    private static Fit of(Shape shape, Patch patch, double x, double y, double r) {
        ShapeTemplate template = ShapeTemplate.of(shape);
        float both = 0;
        float predicted = 0;
        float hidden = 0;
        int left = (int) Math.floor(x + template.left() * r);
        int top = (int) Math.floor(y + template.top() * r);
        int right = (int) Math.ceil(x + template.right() * r);
        int bottom = (int) Math.ceil(y + template.bottom() * r);
        float[] distances = new float[right - left + 1];
        // The renderer's soft edge as a ramp of the same slope at the outline.
        float steepness = (float) (Patch.STEEPENING * Renderer.EDGE_STEEPNESS / 4 * r);
        for (int v = top; v <= bottom; v++) {
            template.distances((v - y) / r, (left - x) / r, 1 / r, distances);
            for (int i = 0; i < distances.length; i++) {
                float cover = 0.5f - steepness * distances[i];
                if (cover <= 0) {
                    continue;
                }
                // Not Math.min: this loop is where the oracle's time goes.
                cover = cover < 1 ? cover : 1;
                predicted += cover;
                float observed = patch.cover(left + i, v);
                if (observed < 0) {
                    hidden += cover;
                } else {
                    both += cover < observed ? cover : observed;
                }
            }
        }
        double free = Math.min(hidden, FREE_HIDDEN * predicted);
        double union = predicted - free + patch.area() - both;
        return new Fit(shape, x, y, r, both / union, (union - both) / (r * template.perimeter()));
    }

    private static double bounded(double r) {
        return Math.min(LARGEST, Math.max(SMALLEST, r));
    }
}
