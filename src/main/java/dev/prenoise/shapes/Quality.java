package dev.prenoise.shapes;

import static dev.prenoise.shapes.World.SIZE;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * How well made a picture of this world is, whatever it was to show, by a stated rule:
 *
 * <pre>quality = 1 + 9 (0.8 crispness + 0.1 margin + 0.1 balance)</pre>
 *
 * <p><b>Crispness</b> is {@code exp(-e / 0.06)}, where e is the root mean square difference, in [0, 1] RGB, between the picture and an exact
 * drawing of what the oracle sees in it, over the pixels where either has paint: blur, noise, ghosts and blobs all count. <b>Margin</b> is
 * how far the painted pixels keep from the border, full at 3 pixels. <b>Balance</b> is 1 less the distance of their centre from the
 * picture's, as a share of half its side. A picture in which the oracle sees nothing has 1.
 */
public final class Quality {
    private static final double TYPICAL_ERROR = 0.06;
    private static final double FULL_MARGIN = 3;

    /** From the background, in RGB, where a pixel counts as painted. */
    private static final double PAINTED = 0.12;

    private Quality() {}

    /** 1 to 10. */
    public static double of(ShapesImage image) {
        List<Sighting> sightings = Oracle.look(image);
        if (sightings.isEmpty()) {
            return 1;
        }
        Rgb ground = background(image);
        ShapesImage exact = drawing(sightings, ground);
        double squares = 0;
        double sumX = 0;
        double sumY = 0;
        int compared = 0;
        int painted = 0;
        double nearest = SIZE;
        for (int pixel = 0; pixel < SIZE * SIZE; pixel++) {
            int x = pixel % SIZE;
            int y = pixel / SIZE;
            Rgb seen = rgb(image, x, y);
            Rgb drawn = rgb(exact, x, y);
            boolean paint = seen.distanceTo(ground) > PAINTED;
            if (paint || drawn.distanceTo(ground) > PAINTED) {
                double difference = seen.distanceTo(drawn);
                squares += difference * difference / 3;
                compared++;
            }
            if (paint) {
                sumX += x;
                sumY += y;
                painted++;
                nearest = Math.min(nearest, Math.min(Math.min(x, y), SIZE - 1 - Math.max(x, y)));
            }
        }
        if (painted == 0) {
            return 1;
        }
        double crispness = Math.exp(-Math.sqrt(squares / compared) / TYPICAL_ERROR);
        double margin = Math.min(1, nearest / FULL_MARGIN);
        double half = (SIZE - 1) / 2.0;
        double balance = 1 - Math.min(1, Math.hypot(sumX / painted - half, sumY / painted - half) / (SIZE / 2.0));
        return 1 + 9 * (0.8 * crispness + 0.1 * margin + 0.1 * balance);
    }

    /** The things that have a shape, in the paint that they have; the smallest last. */
    private static ShapesImage drawing(List<Sighting> sightings, Rgb ground) {
        List<SceneObject> objects = new ArrayList<>();
        List<Rgb> paint = new ArrayList<>();
        for (Sighting sighting : sightings) {
            Optional<Shape> shape = sighting.shape();
            if (shape.isEmpty()) {
                continue;
            }
            Rgb base = Colour.BLACK.rgb();
            objects.add(new SceneObject(shape.get(), Colour.BLACK, sighting.x(), sighting.y(), sighting.r()));
            Rgb seen = sighting.paint();
            paint.add(new Rgb(seen.red() - base.red(), seen.green() - base.green(), seen.blue() - base.blue()));
        }
        return Renderer.render(new Scene(objects), new Look(0, ground, paint));
    }

    /** The border's median in each channel. */
    private static Rgb background(ShapesImage image) {
        double[] medians = new double[3];
        for (int channel = 0; channel < 3; channel++) {
            double[] border = new double[4 * (SIZE - 1)];
            for (int i = 0; i < SIZE - 1; i++) {
                border[4 * i] = image.at(channel, i, 0);
                border[4 * i + 1] = image.at(channel, SIZE - 1, i);
                border[4 * i + 2] = image.at(channel, i + 1, SIZE - 1);
                border[4 * i + 3] = image.at(channel, 0, i + 1);
            }
            Arrays.sort(border);
            medians[channel] = (border[border.length / 2] + 1) / 2;
        }
        return new Rgb(medians[0], medians[1], medians[2]);
    }

    private static Rgb rgb(ShapesImage image, int x, int y) {
        return new Rgb((image.at(0, x, y) + 1) / 2, (image.at(1, x, y) + 1) / 2, (image.at(2, x, y) + 1) / 2);
    }
}
