package dev.prenoise.engine;

import java.util.List;

/**
 * @param subjects empty: found by part-of-speech tagging
 */
public record PromptSpec(String text, String negativeText, List<SubjectSpec> subjects) {
    public PromptSpec {
        subjects = List.copyOf(subjects);
    }
}
