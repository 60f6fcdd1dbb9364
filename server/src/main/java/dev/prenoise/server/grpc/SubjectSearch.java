package dev.prenoise.server.grpc;

import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.engine.PromptSpec;
import dev.prenoise.text.SubjectException;
import dev.prenoise.text.SubjectLocator;
import dev.prenoise.text.SubjectQuery;
import dev.prenoise.v1.FindSubjectsResponse;
import dev.prenoise.v1.Prompt;
import java.util.List;

/** FindSubjects: which words of a prompt to look at. Needs no model. Any number of threads; the first call loads the tagger. */
final class SubjectSearch {
    private static final SubjectLocator LOCATOR = new SubjectLocator();

    private SubjectSearch() {}

    /**
     * @param prompt checked
     * @throws InvalidFieldException when its syntax cannot be read, or it has not the subjects that were asked for
     */
    static FindSubjectsResponse find(Prompt prompt) {
        PromptSpec spec = Protos.prompt(prompt);
        String text = spec.firstWords();
        List<SubjectQuery> queries = spec.subjects().stream()
                .map(subject -> new SubjectQuery(subject.text(), subject.attributes(), List.of()))
                .toList();
        try {
            return Protos.found(text, LOCATOR.locate(text, queries));
        } catch (SubjectException e) {
            throw new InvalidFieldException("prompt." + e.field(), e.description());
        }
    }
}
