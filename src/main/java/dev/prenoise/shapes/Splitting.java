package dev.prenoise.shapes;

import static dev.prenoise.shapes.World.SIZE;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Takes objects of one colour that touch apart: pixels are dealt to two or three parts, first by distance from far-apart centres, then, as
 * often as that changes anything, to the part whose fitted shape they are deepest in. A split counts only if every part is a clear shape.
 */
final class Splitting {
    /** Area in pixels of the smallest object that a split is tried for. */
    private static final int SMALLEST = 60;

    /** Of the sum of two radii, what their centres must be apart; in the world it is 1.02. */
    private static final double DISTANCE = 0.9;

    private static final int MOST_PARTS = 3;
    private static final int CENTRE_ROUNDS = 6;
    private static final int MOST_ROUNDS = 3;

    /** A part whose outline is farther off than this, in pixels, is never going to be a shape. */
    private static final double HOPELESS = 1.5;

    private final Figure figure;
    private final int parts;
    /** Pixels of the figure. */
    private final int[] pixels;
    /** Which part each of these pixels belongs to. */
    private final int[] owners;

    private Splitting(Figure figure, int parts) {
        this.figure = figure;
        this.parts = parts;
        pixels = IntStream.range(0, SIZE * SIZE)
                .filter(pixel -> figure.patch().cover(pixel % SIZE, pixel / SIZE) > 0)
                .toArray();
        owners = new int[pixels.length];
    }

    /** The figure itself when it is clear, or when no split is. */
    static List<Figure> split(Figure figure) {
        if (!figure.isClear()) {
            for (int parts = 2; parts <= MOST_PARTS && figure.patch().area() >= parts * SMALLEST; parts++) {
                Optional<List<Figure>> split = new Splitting(figure, parts).run();
                if (split.isPresent()) {
                    return split.get();
                }
            }
        }
        return List.of(figure);
    }

    private Optional<List<Figure>> run() {
        dealByCentres();
        List<Figure> figures = fitted();
        for (int round = 0; round < MOST_ROUNDS && isPromising(figures) && dealByShapes(figures); round++) {
            figures = fitted();
        }
        return figures.size() == parts && figures.stream().allMatch(Figure::isClear) && areApart(figures)
                ? Optional.of(figures)
                : Optional.empty();
    }

    private boolean isPromising(List<Figure> figures) {
        return figures.size() == parts
                && figures.stream().allMatch(part -> part.best().error() < HOPELESS);
    }

    /** Lloyd's k-means from far-apart pixels. */
    private void dealByCentres() {
        double[][] centres = new double[parts][];
        for (int part = 0; part < parts; part++) {
            double[][] others = part == 0
                    ? new double[][] {{figure.patch().massX(), figure.patch().massY()}}
                    : Arrays.copyOf(centres, part);
            int farthest = Arrays.stream(pixels)
                    .boxed()
                    .max((one, other) -> Double.compare(nearest(one, others), nearest(other, others)))
                    .orElseThrow();
            centres[part] = new double[] {farthest % SIZE, farthest / SIZE};
        }
        for (int round = 0; round < CENTRE_ROUNDS; round++) {
            double[][] sums = new double[parts][3];
            for (int i = 0; i < pixels.length; i++) {
                int x = pixels[i] % SIZE;
                int y = pixels[i] / SIZE;
                int best = 0;
                for (int part = 1; part < parts; part++) {
                    if (squared(x, y, centres[part]) < squared(x, y, centres[best])) {
                        best = part;
                    }
                }
                owners[i] = best;
                sums[best][0] += x;
                sums[best][1] += y;
                sums[best][2]++;
            }
            for (int part = 0; part < parts; part++) {
                centres[part] = new double[] {sums[part][0] / sums[part][2], sums[part][1] / sums[part][2]};
            }
        }
    }

    private boolean dealByShapes(List<Figure> figures) {
        boolean changed = false;
        for (int i = 0; i < pixels.length; i++) {
            int best = owners[i];
            for (int part = 0; part < parts; part++) {
                if (distance(figures.get(part), pixels[i]) < distance(figures.get(best), pixels[i])) {
                    best = part;
                }
            }
            changed |= best != owners[i];
            owners[i] = best;
        }
        return changed;
    }

    /** Fewer figures than parts when one of these has become too small. */
    private List<Figure> fitted() {
        List<Figure> figures = new ArrayList<>();
        for (int part = 0; part < parts; part++) {
            Patch patch = figure.patch().part(pixels, owners, part);
            if (patch.area() >= SMALLEST / 2) {
                figures.add(new Figure(figure.regions(), figure.solidity(), patch, Fit.all(patch)));
            }
        }
        return figures;
    }

    private static boolean areApart(List<Figure> figures) {
        for (int i = 0; i < figures.size(); i++) {
            Fit one = figures.get(i).best();
            for (int j = 0; j < i; j++) {
                Fit other = figures.get(j).best();
                if (Math.hypot(one.x() - other.x(), one.y() - other.y()) < DISTANCE * (one.r() + other.r())) {
                    return false;
                }
            }
        }
        return true;
    }

    private static double distance(Figure figure, int pixel) {
        return figure.best().distance(pixel % SIZE, pixel / SIZE);
    }

    private static double nearest(int pixel, double[][] points) {
        return Arrays.stream(points)
                .mapToDouble(point -> squared(pixel % SIZE, pixel / SIZE, point))
                .min()
                .orElseThrow();
    }

    private static double squared(double x, double y, double[] point) {
        return (x - point[0]) * (x - point[0]) + (y - point[1]) * (y - point[1]);
    }
}
