package dev.prenoise.shapes;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An exact drawing of two objects that differ in shape and colour, with a caption that is true of it and one that is wrong in one way.
 *
 * @param kind how it is wrong
 */
public record CaptionTrial(Kind kind, ShapesImage image, String right, String wrong) {
    /** Ways to be wrong. */
    public enum Kind {
        COLOURS_SWAPPED("colours swapped"),
        OTHER_COLOUR("another colour"),
        OTHER_SHAPE("another shape"),
        ONE_TOO_MANY("an object that is not there"),
        OTHER_NUMBER("two of the first"),
        OTHER_RELATION("the opposite relation");

        private final String words;

        Kind(String words) {
            this.words = words;
        }

        public String words() {
            return words;
        }
    }

    /** One of each kind, of a scene by the seed and index: other draws than {@link Lessons}' of the same seed. */
    public static List<CaptionTrial> of(long seed, long index) {
        Draws draws = Draws.of("trial", seed, 0, index);
        Scene scene = scene(draws);
        ShapesImage image = Renderer.render(
                scene, Look.sample(draws.bits(), 0, index, scene.objects().size()));
        List<CaptionTrial> trials = new ArrayList<>();
        for (Kind kind : Kind.values()) {
            trials.add(
                    trial(kind, image, scene.objects().get(0), scene.objects().get(1), draws));
        }
        return trials;
    }

    private static Scene scene(Draws draws) {
        while (true) {
            Scene scene = SceneSampler.sample(draws.bits(), 1, 0);
            List<SceneObject> objects = scene.objects();
            if (objects.size() == 2
                    && objects.get(0).shape() != objects.get(1).shape()
                    && objects.get(0).colour() != objects.get(1).colour()) {
                return scene;
            }
        }
    }

    private static CaptionTrial trial(Kind kind, ShapesImage image, SceneObject a, SceneObject b, Draws draws) {
        Statement.Thing first = new Statement.Thing(a.shape(), a.colour());
        Statement.Thing second = new Statement.Thing(b.shape(), b.colour());
        Statement both = plain(first, second);
        Relation relation = Relation.between(a.x(), a.y(), b.x(), b.y());
        Statement right = kind == Kind.OTHER_RELATION ? new Statement(both.things(), Optional.of(relation)) : both;
        Statement wrong =
                switch (kind) {
                    case COLOURS_SWAPPED ->
                        plain(
                                new Statement.Thing(first.shape(), second.colour()),
                                new Statement.Thing(second.shape(), first.colour()));
                    case OTHER_COLOUR ->
                        plain(
                                new Statement.Thing(
                                        first.shape(), other(Colour.values(), a.colour(), b.colour(), draws)),
                                second);
                    case OTHER_SHAPE ->
                        plain(
                                new Statement.Thing(other(Shape.values(), a.shape(), b.shape(), draws), first.colour()),
                                second);
                    case ONE_TOO_MANY ->
                        plain(
                                first,
                                second,
                                new Statement.Thing(
                                        other(Shape.values(), a.shape(), b.shape(), draws),
                                        other(Colour.values(), a.colour(), b.colour(), draws)));
                    case OTHER_NUMBER -> plain(first, first);
                    case OTHER_RELATION -> new Statement(both.things(), Optional.of(opposite(relation)));
                };
        return new CaptionTrial(kind, image, right.caption(), wrong.caption());
    }

    private static Statement plain(Statement.Thing... things) {
        return new Statement(List.of(things), Optional.empty());
    }

    private static <T> T other(T[] values, T first, T second, Draws draws) {
        List<T> left = new ArrayList<>(List.of(values));
        left.remove(first);
        left.remove(second);
        return draws.pick(left);
    }

    private static Relation opposite(Relation relation) {
        return switch (relation) {
            case LEFT_OF -> Relation.RIGHT_OF;
            case RIGHT_OF -> Relation.LEFT_OF;
            case ABOVE -> Relation.BELOW;
            case BELOW -> Relation.ABOVE;
        };
    }
}
