package dev.prenoise.shapes;

import java.util.ArrayList;
import java.util.List;

/** Scenes as the model saw them: one to three objects that keep apart. The same (seed, round, index) gives the same scene. */
public final class SceneSampler {
    private static final int ATTEMPTS = 200;

    private SceneSampler() {}

    /** May come out with fewer objects than were drawn, when there is no room for all. */
    public static Scene sample(long seed, long round, long index) {
        Draws draws = Draws.of("scene", seed, round, index);
        double share = draws.unit();
        int count = share < 0.25 ? 1 : share < 0.87 ? 2 : 3;
        boolean twins = count == 2 && draws.unit() < 0.08;
        Shape shape = draws.pick(List.of(Shape.values()));
        Colour colour = draws.pick(List.of(Colour.values()));
        List<SceneObject> objects = new ArrayList<>();
        for (int attempt = 0; attempt < ATTEMPTS && objects.size() < count; attempt++) {
            double r = radius(count, draws);
            double x = draws.uniform(r + 1, 62 - r);
            double y = draws.uniform(r + 1, 62 - r);
            if (objects.stream().allMatch(other -> Math.hypot(x - other.x(), y - other.y()) > 1.02 * (r + other.r()))) {
                objects.add(new SceneObject(
                        twins ? shape : draws.pick(List.of(Shape.values())),
                        twins ? colour : draws.pick(List.of(Colour.values())),
                        x,
                        y,
                        r));
            }
        }
        return new Scene(objects);
    }

    private static double radius(int count, Draws draws) {
        return switch (count) {
            case 1 -> draws.uniform(11, 16);
            case 2 -> draws.uniform(9.5, 13.5);
            default -> draws.uniform(8.8, 10.5);
        };
    }
}
