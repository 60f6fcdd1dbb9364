package dev.prenoise.verifier;

/**
 * What the pictures should be.
 *
 * @param prompt what they should show; may be empty for verifiers that read none
 * @param label of a classifier: the class, by name or number; "" = found in the prompt
 * @param instructions of a grader: the user's own, in place of the usual ones; "" = the usual
 */
public record Question(String prompt, String label, String instructions) {
    public static Question of(String prompt) {
        return new Question(prompt, "", "");
    }
}
