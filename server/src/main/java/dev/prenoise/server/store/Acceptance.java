package dev.prenoise.server.store;

import dev.prenoise.engine.SubjectSpec;
import dev.prenoise.search.Budget;
import java.util.List;

/**
 * What a request became once its model was open: what the caller is told first.
 *
 * @param backbone id, never empty
 * @param subjects every token index filled in
 * @param budget as it is applied
 * @param noiseShape {@code [1, C, H, W]}
 * @param warnings what was not used whole, sentences for the user
 * @param verifiers who judges; none where no picture is judged
 */
public record Acceptance(
        String backbone,
        List<SubjectSpec> subjects,
        Budget budget,
        List<Long> noiseShape,
        List<String> warnings,
        List<VerifierChoice> verifiers) {
    public Acceptance {
        subjects = List.copyOf(subjects);
        noiseShape = List.copyOf(noiseShape);
        warnings = List.copyOf(warnings);
        verifiers = List.copyOf(verifiers);
    }
}
