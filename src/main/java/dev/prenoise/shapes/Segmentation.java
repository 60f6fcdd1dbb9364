package dev.prenoise.shapes;

import static dev.prenoise.shapes.World.SIZE;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Finds where paint is in a picture. A pixel is a mixture of the background and one paint; it belongs to the paint whose mixture comes
 * nearest, if that covers half of it. Coherent pixels of one paint are a region, regions that touch are a cluster. One instance reads
 * one picture.
 */
final class Segmentation {
    private static final int PIXELS = SIZE * SIZE;
    private static final int NONE = -1;

    /** Pixels of outline around a region that are looked at with it. */
    private static final int MARGIN = 2;

    /** How far from a mixture a pixel may be, in [0, 1] RGB, before it counts less, and not at all. */
    private static final double FREE_RESIDUE = 0.12;

    private static final double FULL_RESIDUE = 0.32;

    /** Share of the picture that may be painted; the world has up to 0.26. */
    private static final double MOST_PAINTED = 0.45;

    /** Share of the border that must be the background, this near to its colour in [0, 1] RGB; in the world all of it is. */
    private static final double SMALLEST_PLAIN_SHARE = 0.6;

    private static final double PLAIN_DISTANCE = 0.15;

    private final double[] red = new double[PIXELS];
    private final double[] green = new double[PIXELS];
    private final double[] blue = new double[PIXELS];
    private final Rgb background;
    private final int[] paints = new int[PIXELS];
    private final double[] covers = new double[PIXELS];
    private final int[] regionOf = new int[PIXELS];
    private final List<int[]> regions;
    private final List<int[]> clusters;

    Segmentation(ShapesImage image) {
        for (int pixel = 0; pixel < PIXELS; pixel++) {
            red[pixel] = (image.values()[pixel] + 1) / 2;
            green[pixel] = (image.values()[PIXELS + pixel] + 1) / 2;
            blue[pixel] = (image.values()[2 * PIXELS + pixel] + 1) / 2;
        }
        background = median(border());
        label();
        regions = components(true);
        clusters = components(false);
        Arrays.fill(regionOf, NONE);
        for (int region = 0; region < regions.size(); region++) {
            for (int pixel : regions.get(region)) {
                regionOf[pixel] = region;
            }
        }
    }

    /** The plain colour behind everything: the median along the border. */
    Rgb background() {
        return background;
    }

    /** Each cluster's regions. */
    List<List<Integer>> clusters() {
        return clusters.stream()
                .map(pixels -> Arrays.stream(pixels)
                        .map(pixel -> regionOf[pixel])
                        .distinct()
                        .boxed()
                        .toList())
                .toList();
    }

    /** In pixels. */
    int size(int region) {
        return regions.get(region).length;
    }

    /** The regions that share a border with this one. */
    List<Integer> neighbours(int region) {
        return Arrays.stream(regions.get(region))
                .flatMap(pixel -> Arrays.stream(around(pixel)))
                .filter(pixel -> pixel != NONE && regionOf[pixel] != NONE && regionOf[pixel] != region)
                .map(pixel -> regionOf[pixel])
                .distinct()
                .boxed()
                .toList();
    }

    /** These regions together, with their outline; what belongs to others is hidden. */
    Patch patch(List<Integer> group) {
        boolean[] mine = new boolean[regions.size()];
        group.forEach(region -> mine[region] = true);
        Mixture mixture = new Mixture(background, paint(group));
        float[] cover = new float[PIXELS];
        for (int region : group) {
            for (int pixel : regions.get(region)) {
                int x = pixel % SIZE;
                int y = pixel / SIZE;
                for (int v = Math.max(0, y - MARGIN); v <= Math.min(SIZE - 1, y + MARGIN); v++) {
                    for (int u = Math.max(0, x - MARGIN); u <= Math.min(SIZE - 1, x + MARGIN); u++) {
                        int i = v * SIZE + u;
                        if (cover[i] == 0 && (regionOf[i] == NONE || mine[regionOf[i]])) {
                            cover[i] = cover(i, mixture);
                        }
                    }
                }
            }
        }
        for (int i = 0; i < PIXELS; i++) {
            if (regionOf[i] != NONE && !mine[regionOf[i]]) {
                cover[i] = Patch.HIDDEN;
            }
        }
        return new Patch(cover);
    }

    /** The regions' colour: the median of the half that paint covers best, so without their outline. */
    Rgb paint(List<Integer> group) {
        return median(core(group));
    }

    /**
     * How much of the regions, each without its outline, is within a distance in [0, 1] RGB of a colour, 0 to 1. Crumbs do not count beside
     * larger regions.
     */
    double share(List<Integer> group, Rgb colour, double distance) {
        int largest = group.stream().mapToInt(this::size).max().orElseThrow();
        int[] pixels = group.stream()
                .filter(region -> size(region) >= Math.min(largest, Grouping.SMALLEST))
                .flatMapToInt(region -> Arrays.stream(core(regions.get(region))))
                .toArray();
        return share(pixels, colour, distance);
    }

    /** How much paint there is in the regions, without their outline, 0 to 1. */
    double solidity(List<Integer> group) {
        return median(core(group), covers);
    }

    /** Whether there is a plain background with objects on it at all. */
    boolean isScene() {
        double painted = regions.stream().mapToInt(region -> region.length).sum() / (double) PIXELS;
        int[] border = border();
        return painted <= MOST_PAINTED && share(border, background, PLAIN_DISTANCE) >= SMALLEST_PLAIN_SHARE;
    }

    private void label() {
        List<Mixture> mixtures = Arrays.stream(Colour.values())
                .map(colour -> new Mixture(background, colour.rgb()))
                .toList();
        for (int pixel = 0; pixel < PIXELS; pixel++) {
            paints[pixel] = NONE;
            double best = square(red[pixel] - background.red())
                    + square(green[pixel] - background.green())
                    + square(blue[pixel] - background.blue());
            // Too faint to be half covered by any paint.
            if (best < 0.03) {
                continue;
            }
            for (int paint = 0; paint < mixtures.size(); paint++) {
                Mixture mixture = mixtures.get(paint);
                double cover = mixture.cover(red[pixel], green[pixel], blue[pixel]);
                double residue = mixture.squaredResidue(red[pixel], green[pixel], blue[pixel], cover);
                if (residue < best) {
                    best = residue;
                    covers[pixel] = cover;
                    paints[pixel] = cover >= 0.5 ? paint : NONE;
                }
            }
        }
    }

    /** Four neighbours connect, so that objects which only touch at a corner stay apart. */
    private List<int[]> components(boolean ofOnePaint) {
        List<int[]> components = new ArrayList<>();
        int[] queue = new int[PIXELS];
        boolean[] seen = new boolean[PIXELS];
        for (int start = 0; start < PIXELS; start++) {
            if (seen[start] || paints[start] == NONE) {
                continue;
            }
            int size = 0;
            queue[size++] = start;
            seen[start] = true;
            for (int next = 0; next < size; next++) {
                for (int pixel : around(queue[next])) {
                    if (pixel == NONE || seen[pixel] || paints[pixel] == NONE) {
                        continue;
                    }
                    if (!ofOnePaint || paints[pixel] == paints[start]) {
                        seen[pixel] = true;
                        queue[size++] = pixel;
                    }
                }
            }
            components.add(Arrays.copyOf(queue, size));
        }
        return components;
    }

    private float cover(int pixel, Mixture mixture) {
        double cover = mixture.cover(red[pixel], green[pixel], blue[pixel]);
        double residue = Math.sqrt(mixture.squaredResidue(red[pixel], green[pixel], blue[pixel], cover));
        double trust = (FULL_RESIDUE - residue) / (FULL_RESIDUE - FREE_RESIDUE);
        double best = Math.max(covers[pixel], cover * Math.min(1, Math.max(0, trust)));
        return (float) Math.min(1, Math.max(0, 0.5 + Patch.STEEPENING * (best - 0.5)));
    }

    private int[] core(List<Integer> group) {
        return core(group.stream()
                .flatMapToInt(region -> Arrays.stream(regions.get(region)))
                .toArray());
    }

    private int[] core(int[] pixels) {
        double middle = median(pixels, covers);
        return Arrays.stream(pixels).filter(pixel -> covers[pixel] >= middle).toArray();
    }

    private Rgb median(int[] pixels) {
        return new Rgb(median(pixels, red), median(pixels, green), median(pixels, blue));
    }

    private static double median(int[] pixels, double[] channel) {
        double[] values = Arrays.stream(pixels)
                .mapToDouble(pixel -> channel[pixel])
                .sorted()
                .toArray();
        return values[values.length / 2];
    }

    private double share(int[] pixels, Rgb colour, double distance) {
        return Arrays.stream(pixels)
                        .filter(pixel -> new Rgb(red[pixel], green[pixel], blue[pixel]).distanceTo(colour) < distance)
                        .count()
                / (double) pixels.length;
    }

    private static int[] border() {
        return IntStream.range(0, PIXELS)
                .filter(pixel ->
                        pixel % SIZE == 0 || pixel % SIZE == SIZE - 1 || pixel / SIZE == 0 || pixel / SIZE == SIZE - 1)
                .toArray();
    }

    private static int[] around(int pixel) {
        int x = pixel % SIZE;
        return new int[] {
            x > 0 ? pixel - 1 : NONE,
            x < SIZE - 1 ? pixel + 1 : NONE,
            pixel >= SIZE ? pixel - SIZE : NONE,
            pixel < PIXELS - SIZE ? pixel + SIZE : NONE
        };
    }

    private static double square(double value) {
        return value * value;
    }

    /** Colours between the background and a paint. */
    private static final class Mixture {
        private final Rgb from;
        private final double red;
        private final double green;
        private final double blue;
        private final double squaredLength;

        Mixture(Rgb from, Rgb to) {
            this.from = from;
            red = to.red() - from.red();
            green = to.green() - from.green();
            blue = to.blue() - from.blue();
            // A paint like the background covers nothing.
            squaredLength = Math.max(1e-6, red * red + green * green + blue * blue);
        }

        /** The share of the paint in the mixture that comes nearest, 0 to 1. */
        double cover(double r, double g, double b) {
            double along = (r - from.red()) * red + (g - from.green()) * green + (b - from.blue()) * blue;
            return Math.min(1, Math.max(0, along / squaredLength));
        }

        double squaredResidue(double r, double g, double b, double cover) {
            return square(r - from.red() - cover * red)
                    + square(g - from.green() - cover * green)
                    + square(b - from.blue() - cover * blue);
        }
    }
}
