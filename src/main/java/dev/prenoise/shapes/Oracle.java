package dev.prenoise.shapes;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Says what a picture of this world shows, from its pixels alone. Pure and thread-safe; about a millisecond a picture.
 *
 * <p>The background is the median along the border; pixels are told into paint and background, and paint into regions of one colour. Each
 * shape is laid over each region at the place and size that fit best, to a fraction of a pixel. Regions are merged, or split, where that
 * explains the picture better. A shape counts when the outlines are on average within 0.6 pixels, no other shape fits nearly as well, and
 * it is painted, not a ghost; a colour counts when the paint's median is near it and nearly all of the object is.
 *
 * <p>Measured: of 3,000 true pictures it reads all exactly right (95 % interval: 99.87 to 100 %), also when they are blurred by 1 pixel,
 * noisy by 0.05 and shifted in colour; of 4,000 that went through the model's autoencoder 99.6 %, and what it misses there has mostly
 * lost its colour. Halves, ellipses, noise and empty pictures are never objects to it; of smooth blobs 1.6 %, of shapes half-way between
 * two unlike ones 5 %, of two true pictures averaged 6 %. {@code OracleReport} among the tests prints these numbers.
 */
public final class Oracle {
    /** How far a paint may be from the colour it is named after, in [0, 1] RGB; the nearest two colours are 0.36 apart. */
    private static final double FARTHEST_PAINT = 0.3;

    /** Share of an object that must be this near to its colour: a two-tone object has none. */
    private static final double SMALLEST_SHARE = 0.75;

    private static final double SHARE_DISTANCE = 0.45;

    private Oracle() {}

    /** What is in the picture, the largest first; nothing when it has no plain background. */
    public static List<Sighting> look(ShapesImage image) {
        Segmentation segmentation = new Segmentation(image);
        return Grouping.figures(segmentation).stream()
                .map(figure -> sighting(figure, segmentation))
                .sorted(Comparator.comparingDouble(Sighting::area).reversed())
                .toList();
    }

    /** Whether the picture shows what was asked. */
    public static Verdict judge(ShapesImage image, PromptGoal goal) {
        return Verdict.of(look(image), goal);
    }

    private static Sighting sighting(Figure figure, Segmentation segmentation) {
        Fit best = figure.best();
        Rgb paint = segmentation.paint(figure.regions());
        Double[] matches = new Double[Shape.values().length];
        figure.fits().forEach(fit -> matches[fit.shape().ordinal()] = fit.match());
        return new Sighting(
                figure.isClear() ? Optional.of(best.shape()) : Optional.empty(),
                colour(paint, figure, segmentation),
                best.x(),
                best.y(),
                best.r(),
                figure.patch().area(),
                paint,
                List.of(matches));
    }

    private static Optional<Colour> colour(Rgb paint, Figure figure, Segmentation segmentation) {
        return Arrays.stream(Colour.values())
                .min(Comparator.comparingDouble(colour -> colour.rgb().distanceTo(paint)))
                .filter(colour -> colour.rgb().distanceTo(paint) <= FARTHEST_PAINT)
                .filter(colour -> segmentation.share(figure.regions(), colour.rgb(), SHARE_DISTANCE) >= SMALLEST_SHARE);
    }
}
