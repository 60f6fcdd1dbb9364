package dev.prenoise.text;

import dev.prenoise.text.WeightedText.Part;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads ComfyUI's prompt language, to the letter of {@code token_weights} and {@code tokenize_with_weights} in its
 * {@code comfy/sd1_clip.py}: an inner weight replaces the outer one, a bracket without a number multiplies by 1.1, brackets that do not match
 * are text.
 */
final class ComfyPrompt {
    private static final int MAX_DEPTH = 500;
    private static final Pattern NUMBER =
            Pattern.compile("\\s*[-+]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:[eE][-+]?[0-9]+)?\\s*");
    private static final Pattern EMBEDDING =
            Pattern.compile("(?:^|(?<=\\s))embedding:\\s*([^\\s<\\[]+?),*(?=[\\s<\\[,]|$)");

    // The brackets that a backslash makes text stand by for the private characters while the others are read.
    private static final char OPEN = '\uE000';
    private static final char CLOSE = '\uE001';

    private final List<Part> parts = new ArrayList<>();
    private final List<String> warnings = new ArrayList<>();

    private ComfyPrompt() {}

    /**
     * @throws PromptException when the prompt names a LoRA, or brackets nest deeper than is reasonable
     */
    static WeightedText read(String prompt) {
        ExtraNetworks.refuseLora(prompt);
        ComfyPrompt reader = new ComfyPrompt();
        reader.read(prompt.replace("\\)", "" + CLOSE).replace("\\(", "" + OPEN), 1, 0);
        return new WeightedText(reader.parts, reader.warnings);
    }

    private void read(String text, double weight, int depth) {
        if (depth > MAX_DEPTH) {
            throw new PromptException("brackets " + depth + " deep (expected: at most " + MAX_DEPTH + ")");
        }
        for (String piece : topLevel(text)) {
            if (piece.length() < 2 || piece.charAt(0) != '(' || !piece.endsWith(")")) {
                addText(piece.replace(CLOSE, ')').replace(OPEN, '('), weight);
                continue;
            }
            String inner = piece.substring(1, piece.length() - 1);
            int colon = inner.lastIndexOf(':');
            if (colon > 0 && NUMBER.matcher(inner.substring(colon + 1)).matches()) {
                read(inner.substring(0, colon), Double.parseDouble(inner.substring(colon + 1)), depth + 1);
            } else {
                read(inner, weight * 1.1, depth + 1);
            }
        }
    }

    /** Text and outermost brackets by turns. A closing bracket too many swallows the next opening one, as in ComfyUI. */
    private static List<String> topLevel(String text) {
        List<String> pieces = new ArrayList<>();
        int from = 0;
        int level = 0;
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) == '(') {
                if (level == 0 && i > from) {
                    pieces.add(text.substring(from, i));
                    from = i;
                }
                level++;
            } else if (text.charAt(i) == ')') {
                level--;
                if (level == 0) {
                    pieces.add(text.substring(from, i + 1));
                    from = i + 1;
                }
            }
        }
        if (from < text.length()) {
            pieces.add(text.substring(from));
        }
        return pieces;
    }

    // A file of that name would be looked up by ComfyUI. Where there is none it leaves the name out and goes on behind
    // it, in a part of its own.
    private void addText(String text, double weight) {
        Matcher embedding = EMBEDDING.matcher(text);
        int from = 0;
        while (embedding.find()) {
            add(text.substring(from, embedding.start()), weight);
            warnings.add(
                    "\"embedding:" + embedding.group(1)
                            + "\" is left out: textual inversion embeddings are not read here; send the host's conditioning to have them count");
            from = embedding.end(1);
        }
        add(text.substring(from), weight);
    }

    private void add(String text, double weight) {
        if (!text.isEmpty()) {
            parts.add(new Part(text, weight, false));
        }
    }
}
