package dev.prenoise.engine;

import dev.prenoise.text.PromptSyntax;

/** Whose rule applies to {@code (word:1.2)} in a prompt. It decides the syntax, how the text is cut into chunks, and what a weight does. */
public enum Weighting {
    COMFYUI,
    A1111,
    /** The text is taken as it stands, parentheses and all. */
    NONE;

    PromptSyntax syntax() {
        return switch (this) {
            case COMFYUI -> PromptSyntax.COMFYUI;
            case A1111 -> PromptSyntax.A1111;
            case NONE -> PromptSyntax.PLAIN;
        };
    }
}
