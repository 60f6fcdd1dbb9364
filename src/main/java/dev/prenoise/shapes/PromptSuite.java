package dev.prenoise.shapes;

import java.util.List;
import java.util.Locale;

/**
 * Prompts by rule, for measuring: no one picked them by hand. Each suite is a finite list of prompts; a seed puts it in an order, and the
 * index counts along it, so that no prompt comes again before all have come.
 */
public enum PromptSuite {
    /** Two different objects with their colours: "a red circle and a blue square". */
    TWO_OBJECTS(64 * 63) {
        @Override
        String prompt(int number) {
            return coloured(number % 64) + " and " + coloured(other(number % 64, number / 64));
        }
    },
    /** Two different shapes of any colour: "a circle and a square". */
    SHAPE_SHAPE(8 * 7) {
        @Override
        String prompt(int number) {
            return "a " + SHAPES.get(number % 8).word() + " and a "
                    + SHAPES.get(other(number % 8, number / 8)).word();
        }
    },
    /** Two different shapes, the second with a colour: "a circle and a red square". */
    COLOUR_SHAPE(8 * 7 * 8) {
        @Override
        String prompt(int number) {
            int second = other(number % 8, number / 8 % 7);
            return "a " + SHAPES.get(number % 8).word() + " and " + coloured(8 * (number / 56) + second);
        }
    },
    /** Three different objects with their colours: "a red star, a blue moon and a green ring". */
    THREE_SHAPES(64 * 63 * 62) {
        @Override
        String prompt(int number) {
            int first = number % 64;
            int second = other(first, number / 64 % 63);
            int third = other(Math.min(first, second), number / (64 * 63));
            third += third >= Math.max(first, second) ? 1 : 0;
            return coloured(first) + ", " + coloured(second) + " and " + coloured(third);
        }
    },
    /** Two of the same: "two red stars". */
    COUNTING(64) {
        @Override
        String prompt(int number) {
            return "two " + COLOURS.get(number / 8).word() + " "
                    + SHAPES.get(number % 8).plural();
        }
    },
    /** Two different objects and where they are: "a red circle left of a blue square". */
    RELATIONS(64 * 63 * 4) {
        @Override
        String prompt(int number) {
            int first = number % 64;
            return coloured(first) + " " + Relation.values()[number / (64 * 63)].words() + " "
                    + coloured(other(first, number / 64 % 63));
        }
    },
    /** Two objects of one colour whose shapes match by two thirds or more when laid over each other: "a red circle and a red heart". */
    SIMILAR_SHAPES(10 * 8) {
        @Override
        String prompt(int number) {
            List<Shape> pair = SIMILAR.get(number % 5);
            int first = number / 5 % 2;
            int colour = number / 10;
            return coloured(8 * colour + pair.get(first).ordinal()) + " and "
                    + coloured(8 * colour + pair.get(1 - first).ordinal());
        }
    };

    /** Pairs of shapes of which one covers two thirds of both when they are laid over each other as well as can be. */
    static final List<List<Shape>> SIMILAR = List.of(
            List.of(Shape.CIRCLE, Shape.HEART),
            List.of(Shape.CIRCLE, Shape.SQUARE),
            List.of(Shape.CIRCLE, Shape.TRIANGLE),
            List.of(Shape.SQUARE, Shape.HEART),
            List.of(Shape.SQUARE, Shape.TRIANGLE));

    private static final List<Shape> SHAPES = List.of(Shape.values());
    private static final List<Colour> COLOURS = List.of(Colour.values());

    private final int size;

    PromptSuite(int size) {
        this.size = size;
    }

    /** The name on the command line and in tables, such as {@code two_objects}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** How many different prompts there are. */
    public int size() {
        return size;
    }

    /**
     * The same seed and index give the same prompt. Beyond the size the list comes again in another order.
     *
     * @throws IllegalArgumentException when the index is negative
     */
    public String prompt(long seed, long index) {
        if (index < 0) {
            throw new IllegalArgumentException("index: " + index + " (expected: >= 0)");
        }
        return prompt(
                Permutation.of("prompts " + id(), seed, index / size, size).at((int) (index % size)));
    }

    /** What {@link #prompt(long, long)} asks for. */
    public PromptGoal goal(long seed, long index) {
        return ((PromptReading.Understood) PromptGoal.read(prompt(seed, index))).goal();
    }

    abstract String prompt(int number);

    /** The object of this number, 0 to 63. */
    private static String coloured(int number) {
        return "a " + COLOURS.get(number / 8).word() + " "
                + SHAPES.get(number % 8).word();
    }

    /** The number at this place among those that are not taken. */
    private static int other(int taken, int place) {
        return place >= taken ? place + 1 : place;
    }
}
