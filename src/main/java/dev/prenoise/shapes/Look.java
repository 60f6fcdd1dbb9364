package dev.prenoise.shapes;

import java.util.List;
import java.util.stream.Stream;

/**
 * What varies between two pictures of one scene.
 *
 * @param grey of the background, 0 to 1
 * @param tint added to the background
 * @param paint one per object, added to its colour
 */
public record Look(double grey, Rgb tint, List<Rgb> paint) {
    public Look {
        paint = List.copyOf(paint);
    }

    /** As the model saw it: grey 0.86 to 0.98, tint at most 0.03, paint of standard deviation 0.02. */
    public static Look sample(long seed, long round, long index, int objects) {
        Draws draws = Draws.of("look", seed, round, index);
        double grey = draws.uniform(0.86, 0.98);
        Rgb tint = new Rgb(draws.uniform(-0.03, 0.03), draws.uniform(-0.03, 0.03), draws.uniform(-0.03, 0.03));
        List<Rgb> paint = Stream.generate(
                        () -> new Rgb(0.02 * draws.gaussian(), 0.02 * draws.gaussian(), 0.02 * draws.gaussian()))
                .limit(objects)
                .toList();
        return new Look(grey, tint, paint);
    }
}
