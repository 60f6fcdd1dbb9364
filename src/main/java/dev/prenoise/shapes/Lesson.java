package dev.prenoise.shapes;

import java.util.List;

/**
 * A picture with what can and what cannot truly be said of it, for training networks that judge.
 *
 * @param caption true of the picture; it may leave objects out
 * @param wrong captions that are not true of it, each near to one that is
 * @param shown the objects that are clearly there
 */
public record Lesson(ShapesImage image, String caption, List<String> wrong, List<SceneObject> shown) {
    public Lesson {
        wrong = List.copyOf(wrong);
        shown = List.copyOf(shown);
    }

    /**
     * Which caption is true of which lesson's picture: each thing that it names is there, each by an object of its own, and they stand as it
     * says. More may be there.
     *
     * @return {@code [i][j]}: of picture i, caption j
     */
    public static boolean[][] truths(List<Lesson> lessons) {
        List<Statement> statements =
                lessons.stream().map(lesson -> Statement.of(lesson.caption)).toList();
        boolean[][] truths = new boolean[lessons.size()][lessons.size()];
        for (int i = 0; i < truths.length; i++) {
            for (int j = 0; j < truths.length; j++) {
                truths[i][j] = statements.get(j).holds(lessons.get(i).shown);
            }
        }
        return truths;
    }
}
