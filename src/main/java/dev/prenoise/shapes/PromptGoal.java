package dev.prenoise.shapes;

import java.util.List;
import java.util.Optional;

/**
 * What a prompt asks the picture to show.
 *
 * @param wanted in the prompt's order, at least one
 * @param relation where the first is, seen from the second; only between two single objects
 */
public record PromptGoal(List<Wanted> wanted, Optional<Relation> relation) {
    /**
     * @throws IllegalArgumentException when nothing is wanted, or there is a relation but not two single objects
     */
    public PromptGoal {
        wanted = List.copyOf(wanted);
        if (wanted.isEmpty()) {
            throw new IllegalArgumentException("wanted: [] (expected: at least one)");
        }
        if (relation.isPresent() && (wanted.size() != 2 || wanted.stream().anyMatch(want -> want.count() != 1))) {
            throw new IllegalArgumentException(
                    "relation: " + relation.get() + " (expected: none but between two single objects)");
        }
    }

    /** How many objects are asked for. */
    public int objects() {
        return wanted.stream().mapToInt(Wanted::count).sum();
    }

    /** Reads a free prompt, in upper or lower case. */
    public static PromptReading read(String prompt) {
        return PromptGrammar.read(prompt);
    }

    /** What a caption that names every object of a scene with its colour asks for. */
    public static PromptGoal of(Scene scene) {
        return new PromptGoal(
                scene.objects().stream()
                        .map(object -> new Wanted(object.shape(), Optional.of(object.colour()), 1))
                        .toList(),
                Optional.empty());
    }
}
