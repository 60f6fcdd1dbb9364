package dev.prenoise.engine;

import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The subjects of a prompt. One without any is a prompt still: whoever reads attention has to {@linkplain #required require} them.
 *
 * @param found with every token index filled in; empty where there are none
 * @param problem why there are none; null where there are
 */
record PromptSubjects(List<SubjectSpec> found, @Nullable InvalidFieldException problem) {
    PromptSubjects {
        found = List.copyOf(found);
    }

    static PromptSubjects of(List<SubjectSpec> found) {
        return new PromptSubjects(found, null);
    }

    /**
     * @param finding throws where there are none
     * @throws InvalidFieldException when the caller named some and they are not to be found
     */
    static PromptSubjects find(PromptSpec prompt, Supplier<List<SubjectSpec>> finding) {
        try {
            return of(finding.get());
        } catch (InvalidFieldException e) {
            if (!prompt.subjects().isEmpty()) {
                throw e;
            }
            return new PromptSubjects(List.of(), e);
        }
    }

    /**
     * @throws InvalidFieldException when there are none
     */
    List<SubjectSpec> required() {
        if (problem != null) {
            throw new InvalidFieldException(problem.field(), problem.description());
        }
        return found;
    }
}
