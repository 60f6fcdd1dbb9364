package dev.prenoise.shapes;

import java.util.ArrayList;
import java.util.List;

/**
 * Captions as the model saw them: 85 % name colours, 15 % of those of two objects a relation, four in five pairs of twins are counted.
 * Words are separated by spaces, and a comma is a word.
 */
public final class Captions {
    private Captions() {}

    /**
     * The same (seed, round, index) gives the same caption.
     *
     * @throws IllegalArgumentException when the scene has not one to three objects
     */
    public static String caption(Scene scene, long seed, long round, long index) {
        if (scene.objects().isEmpty() || scene.objects().size() > 3) {
            throw new IllegalArgumentException("scene: " + scene.objects().size() + " objects (expected: 1 to 3)");
        }
        Draws draws = Draws.of("caption", seed, round, index);
        boolean coloured = draws.unit() < 0.85;
        List<SceneObject> objects = new ArrayList<>(scene.objects());
        draws.shuffle(objects);
        SceneObject first = objects.get(0);
        if (objects.size() == 1) {
            return phrase(first, coloured);
        }
        SceneObject second = objects.get(1);
        if (objects.size() == 3) {
            return phrase(first, coloured) + " , " + phrase(second, coloured) + " and "
                    + phrase(objects.get(2), coloured);
        }
        if (first.isTwinOf(second) && draws.unit() < 0.8) {
            return "two " + (coloured ? first.colour().word() + " " : "")
                    + first.shape().plural();
        }
        String joint = draws.unit() < 0.15
                ? Relation.between(first.x(), first.y(), second.x(), second.y()).words()
                : "and";
        return phrase(first, coloured) + " " + joint + " " + phrase(second, coloured);
    }

    private static String phrase(SceneObject object, boolean coloured) {
        return "a " + (coloured ? object.colour().word() + " " : "")
                + object.shape().word();
    }
}
