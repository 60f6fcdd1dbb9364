package dev.prenoise.shapes;

/** What became of reading a prompt: a goal, or the first word that means nothing here. */
public sealed interface PromptReading {
    /** The whole prompt has a meaning in this world. */
    record Understood(PromptGoal goal) implements PromptReading {}

    /**
     * The oracle cannot judge this prompt; the model may still draw something.
     *
     * @param word where reading stopped, as the prompt has it; empty at the prompt's end
     * @param expected what would have been understood there
     */
    record NotUnderstood(String word, String expected) implements PromptReading {
        /** One readable line. */
        public String message() {
            return "prompt: " + (word.isEmpty() ? "ends" : "\"" + word + "\"") + " (expected: " + expected + ")";
        }
    }
}
