package dev.prenoise.shapes;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a caption says of a scene, so that it can be altered.
 *
 * @param things named one by one
 * @param relation where the first of two is, seen from the second
 */
record Statement(List<Thing> things, Optional<Relation> relation) {
    /**
     * @param colour null where the caption names none
     */
    record Thing(Shape shape, @Nullable Colour colour) {
        boolean isTrueOf(SceneObject object) {
            return shape == object.shape() && (colour == null || colour == object.colour());
        }

        String words(boolean plural) {
            return (colour == null ? "" : colour.word() + " ") + (plural ? shape.plural() : shape.word());
        }
    }

    Statement {
        things = List.copyOf(things);
    }

    /**
     * @throws IllegalArgumentException when the caption is no prompt of this world
     */
    static Statement of(String caption) {
        if (!(PromptGoal.read(caption) instanceof PromptReading.Understood understood)) {
            throw new IllegalArgumentException("caption: \"" + caption + "\" (expected: a prompt of this world)");
        }
        PromptGoal goal = understood.goal();
        List<Thing> things = new ArrayList<>();
        for (Wanted wanted : goal.wanted()) {
            things.addAll(Collections.nCopies(
                    wanted.count(), new Thing(wanted.shape(), wanted.colour().orElse(null))));
        }
        return new Statement(things, goal.relation());
    }

    /** Whether each thing is one of the objects, no two the same one, and they stand as is said. */
    boolean holds(List<SceneObject> objects) {
        return holds(objects, new ArrayList<>());
    }

    private boolean holds(List<SceneObject> objects, List<SceneObject> taken) {
        if (taken.size() == things.size()) {
            return relation.isEmpty()
                    || Relation.between(
                                    taken.get(0).x(),
                                    taken.get(0).y(),
                                    taken.get(1).x(),
                                    taken.get(1).y())
                            == relation.get();
        }
        for (SceneObject object : objects) {
            if (things.get(taken.size()).isTrueOf(object) && taken.stream().noneMatch(other -> other == object)) {
                taken.add(object);
                if (holds(objects, taken)) {
                    return true;
                }
                taken.remove(taken.size() - 1);
            }
        }
        return false;
    }

    /** In the words of {@link Captions}: two of the same are counted, three things stand in a list. */
    String caption() {
        if (things.size() == 2 && relation.isEmpty() && things.get(0).equals(things.get(1))) {
            return "two " + things.get(0).words(true);
        }
        List<String> phrases =
                things.stream().map(thing -> "a " + thing.words(false)).collect(Collectors.toList());
        if (relation.isPresent()) {
            return phrases.get(0) + " " + relation.get().words() + " " + phrases.get(1);
        }
        String last = phrases.remove(phrases.size() - 1);
        return phrases.isEmpty() ? last : String.join(" , ", phrases) + " and " + last;
    }

    Statement with(int place, Thing thing) {
        List<Thing> changed = new ArrayList<>(things);
        changed.set(place, thing);
        return new Statement(changed, relation);
    }
}
