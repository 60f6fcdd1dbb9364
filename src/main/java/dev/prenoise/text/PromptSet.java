package dev.prenoise.text;

import java.util.List;

/**
 * Prompts of a published study, with the positions of what they name. Every word of every prompt is one CLIP token, so a position is the
 * word's number, counted from 1 (BOS = 0).
 *
 * @param name as the study calls it, such as {@code animal_animal}
 */
public record PromptSet(String name, List<Prompt> prompts) {
    public PromptSet {
        prompts = List.copyOf(prompts);
    }

    /**
     * @param groups for each subject its token indices: attributes first, the noun last. CONFORM reads the groups, the other losses their
     *     last indices.
     */
    public record Prompt(String text, List<List<Integer>> groups) {
        public Prompt {
            groups = groups.stream().map(List::copyOf).toList();
        }
    }
}
