package dev.prenoise.text;

import dev.prenoise.text.PromptSet.Prompt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The prompt sets on which initial noise has been compared in the literature: pairs of animals, animals with objects, pairs of coloured
 * objects (Attend-and-Excite), and pairs of look-alikes (SSD-2).
 */
public final class PromptSets {
    private static final List<String> NAMES =
            List.of("animal_animal", "animal_object", "object_object", "similar_subjects");

    private PromptSets() {}

    public static List<String> names() {
        return NAMES;
    }

    public static List<PromptSet> all() {
        return NAMES.stream().map(PromptSets::get).toList();
    }

    /**
     * @throws IllegalArgumentException when there is no such set
     */
    public static PromptSet get(String name) {
        if (!NAMES.contains(name)) {
            throw new IllegalArgumentException("prompt set: " + name + " (expected: one of " + NAMES + ")");
        }
        List<Prompt> prompts = new ArrayList<>();
        for (String line : Lexicon.lines("prompts/" + name + ".tsv")) {
            String[] columns = line.split("\t");
            prompts.add(new Prompt(
                    columns[0],
                    Arrays.stream(columns[1].split(";")).map(PromptSets::group).toList()));
        }
        return new PromptSet(name, prompts);
    }

    private static List<Integer> group(String indices) {
        return Arrays.stream(indices.split(",")).map(Integer::valueOf).toList();
    }
}
