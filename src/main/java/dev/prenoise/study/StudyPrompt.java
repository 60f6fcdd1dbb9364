package dev.prenoise.study;

import dev.prenoise.engine.SubjectSpec;
import java.util.List;

/**
 * A prompt of a study.
 *
 * @param subjects what it names, attributes with their nouns; empty: found in the text
 */
public record StudyPrompt(String text, List<SubjectSpec> subjects) {
    public StudyPrompt {
        subjects = List.copyOf(subjects);
    }
}
