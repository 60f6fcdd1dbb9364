package dev.prenoise.study;

import java.util.List;

/**
 * Prompts that belong together: results are told for each suite and for all.
 *
 * @param name in tables
 */
public record StudySuite(String name, List<StudyPrompt> prompts) {
    public StudySuite {
        prompts = List.copyOf(prompts);
    }
}
