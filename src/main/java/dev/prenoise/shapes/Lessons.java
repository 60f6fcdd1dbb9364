package dev.prenoise.shapes;

import static dev.prenoise.shapes.World.SIZE;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Pictures as a diffusion model draws them, by rule and without one: exact drawings of which some objects failed (ghosts, things between two
 * shapes or of two colours, parts), off in colour, blurred and noisy. Each comes with a caption of what is clearly there and with captions
 * that are nearly right: colours swapped between objects, another shape or colour, an object too many, the other relation, the object that
 * failed. The same (seed, round, index) gives the same lesson.
 */
public final class Lessons {
    /** Captions that are wrong, for each picture. */
    public static final int WRONG = 2;

    private static final double FLAWED = 0.35;
    private static final double PLAIN = 0.25;
    private static final double WITHOUT_COLOURS = 0.15;
    private static final double PARTIAL = 0.15;
    private static final double RELATED = 0.3;
    private static final int ATTEMPTS = 40;

    private static final List<Shape> SHAPES = List.of(Shape.values());
    private static final List<Colour> COLOURS = List.of(Colour.values());

    /** How an object fails. */
    private enum Flaw {
        /** Too faint. */
        GHOST,
        /** Between two shapes. */
        BETWEEN,
        /** Of two colours. */
        TWO_TONE,
        /** A part of it is missing. */
        PART,
        /** Not there at all. */
        MISSING
    }

    private Lessons() {}

    public static Lesson lesson(long seed, long round, long index) {
        Draws draws = Draws.of("lesson", seed, round, index);
        Scene scene = SceneSampler.sample(seed, round, index);
        List<SceneObject> objects = scene.objects();
        boolean flawed = objects.size() > 1 && draws.unit() < FLAWED;
        int failing = flawed ? draws.below(objects.size()) : -1;
        ShapesImage image = degraded(drawing(objects, failing, draws), draws);
        List<SceneObject> shown = new ArrayList<>(objects);
        Optional<SceneObject> failed = flawed ? Optional.of(shown.remove(failing)) : Optional.empty();
        Statement right = statement(shown, draws);
        return new Lesson(image, right.caption(), wrong(right, shown, failed, draws), shown);
    }

    // ---- captions ----

    private static Statement statement(List<SceneObject> shown, Draws draws) {
        List<SceneObject> named = new ArrayList<>(shown);
        draws.shuffle(named);
        if (named.size() > 1 && draws.unit() < PARTIAL) {
            named.remove(0);
        }
        boolean some = draws.unit() < WITHOUT_COLOURS;
        List<Statement.Thing> things = new ArrayList<>();
        for (SceneObject object : named) {
            things.add(new Statement.Thing(object.shape(), some && draws.unit() < 0.6 ? null : object.colour()));
        }
        Optional<Relation> relation = named.size() == 2 && draws.unit() < RELATED
                ? Optional.of(between(named.get(0), named.get(1)))
                : Optional.empty();
        return new Statement(things, relation);
    }

    private static Relation between(SceneObject first, SceneObject second) {
        return Relation.between(first.x(), first.y(), second.x(), second.y());
    }

    private static List<String> wrong(
            Statement right, List<SceneObject> shown, Optional<SceneObject> failed, Draws draws) {
        Set<String> captions = new LinkedHashSet<>();
        if (failed.isPresent() && right.things().size() < 3) {
            add(captions, withOneMore(right, thing(failed.get()), draws), shown);
        }
        for (int attempt = 0; captions.size() < WRONG && attempt < ATTEMPTS; attempt++) {
            add(captions, altered(right, shown, draws), shown);
        }
        // What is left over is far from right, but not true either.
        for (int i = 0; captions.size() < WRONG; i++) {
            add(
                    captions,
                    new Statement(
                            List.of(new Statement.Thing(SHAPES.get(i % 8), COLOURS.get(i / 8))), Optional.empty()),
                    shown);
        }
        return new ArrayList<>(captions);
    }

    private static void add(Set<String> captions, Statement statement, List<SceneObject> shown) {
        if (!statement.holds(shown)) {
            captions.add(statement.caption());
        }
    }

    private static Statement altered(Statement right, List<SceneObject> shown, Draws draws) {
        List<Statement.Thing> things = right.things();
        int place = draws.below(things.size());
        Statement.Thing thing = things.get(place);
        double kind = draws.unit();
        if (kind < 0.3 && things.size() > 1) {
            int other = (place + 1 + draws.below(things.size() - 1)) % things.size();
            Statement.Thing second = things.get(other);
            return right.with(place, new Statement.Thing(thing.shape(), second.colour()))
                    .with(other, new Statement.Thing(second.shape(), thing.colour()));
        }
        if (kind < 0.45 && right.relation().isPresent()) {
            return new Statement(things, Optional.of(draws.pick(List.of(Relation.values()))));
        }
        if (kind < 0.6 && things.size() < 3) {
            return withOneMore(
                    right,
                    draws.unit() < 0.4 ? thing : new Statement.Thing(draws.pick(SHAPES), draws.pick(COLOURS)),
                    draws);
        }
        if (kind < 0.8 || thing.colour() == null) {
            return right.with(place, new Statement.Thing(draws.pick(SHAPES), thing.colour()));
        }
        return right.with(place, new Statement.Thing(thing.shape(), draws.pick(COLOURS)));
    }

    private static Statement withOneMore(Statement right, Statement.Thing thing, Draws draws) {
        List<Statement.Thing> things = new ArrayList<>(right.things());
        things.add(draws.below(things.size() + 1), thing);
        return new Statement(things, Optional.empty());
    }

    private static Statement.Thing thing(SceneObject object) {
        return new Statement.Thing(object.shape(), object.colour());
    }

    // ---- pictures ----

    private static double[] drawing(List<SceneObject> objects, int failing, Draws draws) {
        double[] image = new double[3 * SIZE * SIZE];
        double grey = draws.uniform(0.84, 0.99);
        for (int channel = 0; channel < 3; channel++) {
            double value = grey + draws.uniform(-0.03, 0.03);
            Arrays.fill(image, channel * SIZE * SIZE, (channel + 1) * SIZE * SIZE, value);
        }
        double spread = draws.uniform(0.01, 0.06);
        for (int i = 0; i < objects.size(); i++) {
            paint(objects.get(i), i == failing ? draws.pick(List.of(Flaw.values())) : null, spread, image, draws);
        }
        return image;
    }

    private static void paint(SceneObject object, @Nullable Flaw flaw, double spread, double[] image, Draws draws) {
        if (flaw == Flaw.MISSING) {
            return;
        }
        Shape other = draws.pick(SHAPES);
        while (flaw == Flaw.BETWEEN && other == object.shape()) {
            other = draws.pick(SHAPES);
        }
        Rgb second = draws.pick(COLOURS).rgb();
        double opacity = flaw == Flaw.GHOST ? draws.uniform(0.2, 0.55) : 1;
        double mix = draws.uniform(0.35, 0.65);
        double angle = draws.uniform(0, 2 * Math.PI);
        double[] offsets = {spread * draws.gaussian(), spread * draws.gaussian(), spread * draws.gaussian()};
        int low = (int) Math.max(0, object.y() - 1.4 * object.r() - 3);
        int high = (int) Math.min(SIZE, object.y() + 1.4 * object.r() + 4);
        for (int row = low; row < high; row++) {
            for (int column = 0; column < SIZE; column++) {
                double x = column - object.x();
                double y = row - object.y();
                double alpha = opacity * alpha(object.shape(), x, y, object.r());
                double side = x * Math.cos(angle) + y * Math.sin(angle);
                if (flaw == Flaw.BETWEEN) {
                    alpha = (1 - mix) * alpha + mix * alpha(other, x, y, object.r());
                } else if (flaw == Flaw.PART) {
                    alpha *= 1 / (1 + Math.exp(Renderer.EDGE_STEEPNESS * side));
                }
                if (alpha < 1e-4) {
                    continue;
                }
                boolean two = flaw == Flaw.TWO_TONE && side > 0;
                for (int channel = 0; channel < 3; channel++) {
                    double base = two
                            ? second.channel(channel)
                            : object.colour().rgb().channel(channel);
                    double colour = Math.min(1, Math.max(0, base + offsets[channel]));
                    int i = (channel * SIZE + row) * SIZE + column;
                    image[i] = image[i] * (1 - alpha) + colour * alpha;
                }
            }
        }
    }

    private static double alpha(Shape shape, double x, double y, double r) {
        return 1 / (1 + Math.exp(Renderer.EDGE_STEEPNESS * shape.distance(x, y, r)));
    }

    private static ShapesImage degraded(double[] image, Draws draws) {
        double[] blurred = draws.unit() < 0.5 && draws.unit() > PLAIN ? blurred(image, draws.uniform(0.3, 1.3)) : image;
        double noise = draws.unit() < 0.4 ? draws.uniform(0, 0.07) : 0;
        double contrast = draws.uniform(0.92, 1.05);
        float[] values = new float[image.length];
        for (int channel = 0; channel < 3; channel++) {
            double shift = draws.uniform(-0.03, 0.03);
            for (int i = channel * SIZE * SIZE; i < (channel + 1) * SIZE * SIZE; i++) {
                double value =
                        0.5 + contrast * (blurred[i] - 0.5) + shift + (noise == 0 ? 0 : noise * draws.gaussian());
                values[i] = (float) (2 * Math.min(1, Math.max(0, value)) - 1);
            }
        }
        return new ShapesImage(values);
    }

    /** By a Gaussian, rows and columns one after the other; the border's values go on beyond it. */
    private static double[] blurred(double[] image, double sigma) {
        int reach = (int) Math.ceil(2.5 * sigma);
        double[] kernel = new double[2 * reach + 1];
        double sum = 0;
        for (int k = -reach; k <= reach; k++) {
            kernel[k + reach] = Math.exp(-k * k / (2 * sigma * sigma));
            sum += kernel[k + reach];
        }
        double[] rows = new double[image.length];
        double[] both = new double[image.length];
        for (int pass = 0; pass < 2; pass++) {
            double[] from = pass == 0 ? image : rows;
            double[] to = pass == 0 ? rows : both;
            for (int i = 0; i < image.length; i++) {
                int start = i / (SIZE * SIZE) * SIZE * SIZE;
                int x = i % SIZE;
                int y = i % (SIZE * SIZE) / SIZE;
                double value = 0;
                for (int k = -reach; k <= reach; k++) {
                    int column = pass == 0 ? Math.min(SIZE - 1, Math.max(0, x + k)) : x;
                    int row = pass == 0 ? y : Math.min(SIZE - 1, Math.max(0, y + k));
                    value += kernel[k + reach] * from[start + row * SIZE + column];
                }
                to[i] = value / sum;
            }
        }
        return both;
    }
}
