package dev.prenoise.study;

import dev.prenoise.engine.SubjectSpec;
import dev.prenoise.noise.Seeds;
import dev.prenoise.shapes.PromptSuite;
import dev.prenoise.text.PromptSet;
import dev.prenoise.text.PromptSets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** The suites that come with the program: the published prompt sets, and those of the built-in world, made by rule. */
final class ShippedSuites {
    /** Of suites by rule, unless a study says how many. */
    private static final int USUAL = 100;

    private ShippedSuites() {}

    static List<String> names() {
        List<String> names = new ArrayList<>(PromptSets.names());
        Arrays.stream(PromptSuite.values()).map(PromptSuite::id).forEach(names::add);
        return names;
    }

    /** How many prompts there are. */
    static int size(String name) {
        return PromptSets.names().contains(name)
                ? PromptSets.get(name).prompts().size()
                : byRule(name).size();
    }

    /**
     * @param count 0 = all of a published set, up to {@value #USUAL} of one by rule
     * @param seed puts the prompts in an order, of which the first are taken; a published set taken whole stays as it was published
     */
    static StudySuite get(String name, int count, long seed) {
        return new StudySuite(
                name, PromptSets.names().contains(name) ? published(name, count, seed) : ruled(name, count, seed));
    }

    private static List<StudyPrompt> published(String name, int count, long seed) {
        List<StudyPrompt> all = PromptSets.get(name).prompts().stream()
                .map(ShippedSuites::prompt)
                .toList();
        return chosen(all, count, seed);
    }

    /** The first of the prompts in the seed's order; all of them in their own where none is left out. */
    static List<StudyPrompt> chosen(List<StudyPrompt> all, int count, long seed) {
        if (count == 0 || count == all.size()) {
            return all;
        }
        return IntStream.range(0, all.size())
                .boxed()
                .sorted(Comparator.comparingLong(i -> Seeds.derive(seed, 0, i)))
                .limit(count)
                .map(all::get)
                .toList();
    }

    private static List<StudyPrompt> ruled(String name, int count, long seed) {
        PromptSuite suite = byRule(name);
        return IntStream.range(0, count == 0 ? Math.min(USUAL, suite.size()) : count)
                .mapToObj(i -> new StudyPrompt(suite.prompt(seed, i), List.of()))
                .toList();
    }

    private static PromptSuite byRule(String name) {
        return Arrays.stream(PromptSuite.values())
                .filter(suite -> suite.id().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "suite: " + name + " (expected: one of " + String.join(", ", names()) + ")"));
    }

    /** Every word is one token, so that the word's number, from 1, is its place. */
    private static StudyPrompt prompt(PromptSet.Prompt prompt) {
        List<String> words = List.of(prompt.text().split(" "));
        List<SubjectSpec> subjects = new ArrayList<>();
        for (List<Integer> group : prompt.groups()) {
            List<String> named = group.stream().map(i -> words.get(i - 1)).toList();
            subjects.add(new SubjectSpec(named.get(named.size() - 1), named.subList(0, named.size() - 1), group));
        }
        return new StudyPrompt(prompt.text(), subjects);
    }
}
