package dev.prenoise.verifier;

/**
 * What the pictures should be.
 *
 * @param prompt what they should show; may be empty for verifiers that read none
 * @param label of a classifier: the class, by name or number; "" = found in the prompt
 * @param instructions of a grader: the user's own, in place of the usual ones; "" = the usual
 * @param templates of a CLIP: whether it reads the prompt through the 80 sentences of {@link ClipTemplates}, and answers with the bare cosine
 */
public record Question(String prompt, String label, String instructions, boolean templates) {
    public Question(String prompt, String label, String instructions) {
        this(prompt, label, instructions, false);
    }

    public static Question of(String prompt) {
        return new Question(prompt, "", "");
    }

    /** For verifiers that take {@link VerifierOffer.Extra#TEMPLATES}. */
    public static Question throughTemplates(String prompt) {
        return new Question(prompt, "", "", true);
    }
}
