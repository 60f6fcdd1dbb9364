package dev.prenoise.engine;

import dev.prenoise.text.PromptException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the picture is to show, as text or as the host encoded it.
 *
 * @param text may be empty with conditioning; where it is there and the model has a tokenizer, subjects can be found in it
 * @param subjects empty: found by part-of-speech tagging; with conditioning and no tokenizer each must carry its token indices
 * @param conditioning the host's own embeddings, used instead of text and negativeText; null = the text is encoded here
 * @param clipSkip as a user interface counts: 1 = the last layer, 2 = the one before; 0 = the family's own
 */
public record PromptSpec(
        String text,
        String negativeText,
        List<SubjectSpec> subjects,
        @Nullable ConditioningSpec conditioning,
        Weighting weighting,
        int clipSkip) {
    public PromptSpec {
        subjects = List.copyOf(subjects);
    }

    /** Text encoded here, with ComfyUI's rule of weights. */
    public PromptSpec(String text, String negativeText, List<SubjectSpec> subjects) {
        this(text, negativeText, subjects, null, Weighting.COMFYUI, 0);
    }

    /** Of the run that {@link #firstWords} looks at the beginning of: A1111's default. */
    private static final int STEPS = 20;

    /**
     * The text as a person would say it, without weights and brackets: what a picture is compared with. Of A1111's {@code [from:to:when]}
     * the end.
     *
     * @throws InvalidFieldException when the prompt asks for what cannot be done
     */
    public String words() {
        return words(1);
    }

    /**
     * The text as a text encoder reads it for the first of some steps: of A1111's {@code [from:to:when]} the beginning.
     *
     * @throws InvalidFieldException as {@link #words()}
     */
    public String firstWords() {
        return words(STEPS);
    }

    private String words(int steps) {
        try {
            return weighting.syntax().words(text, steps);
        } catch (PromptException e) {
            throw new InvalidFieldException("prompt.text", String.valueOf(e.getMessage()));
        }
    }
}
