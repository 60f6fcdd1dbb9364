package dev.prenoise.text;

import dev.prenoise.text.WeightedText.Part;
import java.util.ArrayList;
import java.util.List;

/**
 * Turns prompts into tokens as the hosts do: the syntax of weights is read and taken out, long texts are cut into chunks. Needs no text encoder,
 * so that subjects can be found in a prompt that the host has encoded.
 *
 * <p>Thread-safe.
 */
public final class PromptTokenizer {
    /** Beyond it embeddings overflow half precision, and already far below it pictures are noise. */
    private static final int MAX_WEIGHT = 1000;

    private final Tokenizer tokenizer;
    private final TextFamily family;
    private final int length;

    /**
     * @param tokenizer CLIP's for every family but {@link TextFamily#OWN}; stays the caller's to close
     * @param length of a chunk, beginning and end included: the text encoders' number of positions, 77 for CLIP
     */
    public PromptTokenizer(Tokenizer tokenizer, TextFamily family, int length) {
        this.tokenizer = tokenizer;
        this.family = family;
        this.length = length;
    }

    public TextFamily family() {
        return family;
    }

    /** Positions of a chunk. */
    public int length() {
        return length;
    }

    /**
     * Of a model with a tokenizer of its own the words that the text was too long for are in {@link TokenizedPrompt#truncatedWords()}; the others
     * read texts of any length.
     *
     * @param negative A1111 reads some things in prompts alone
     * @throws PromptException when the prompt asks for what cannot be done here
     */
    public PreparedPrompt prepare(String text, PromptOptions options, boolean negative) {
        WeightedText weighted = WeightedText.read(text, options.syntax(), options.steps(), negative);
        TokenizedPrompt tokens = tokenize(weighted, options.syntax());
        List<String> warnings = new ArrayList<>(weighted.warnings());
        if (family != TextFamily.OWN) {
            tokens.unknownWords().stream()
                    .filter(Word::isWord)
                    .forEach(word -> warnings.add("\"" + word.text() + "\" is no word to the model's vocabulary"));
        }
        if (options.clipSkip() != 0 && ignoresClipSkip(options)) {
            warnings.add("clip skip " + options.clipSkip()
                    + " is left out: A1111 applies it to models of the family SD 1 only");
        }
        // modules/sd_models_xl.py
        boolean zeros =
                negative && text.isEmpty() && family == TextFamily.SDXL && options.syntax() == PromptSyntax.A1111;
        return new PreparedPrompt(tokens, options, zeros, warnings);
    }

    private TokenizedPrompt tokenize(WeightedText weighted, PromptSyntax syntax) {
        List<List<PromptToken>> stretches = new ArrayList<>();
        List<Boolean> ends = new ArrayList<>();
        List<Integer> starts = weighted.starts();
        for (int i = 0; i < starts.size(); i++) {
            Part part = weighted.parts().get(i);
            // negated, so that it holds of NaN too
            if (!(Math.abs(part.weight()) <= MAX_WEIGHT)) {
                throw new PromptException("\"" + part.text() + "\" weighs " + part.weight() + " (expected: "
                        + -MAX_WEIGHT + " to " + MAX_WEIGHT + ")");
            }
            int start = starts.get(i);
            stretches.add(tokenizer.tokens(part.text()).stream()
                    .map(token -> token.moved(start, part.weight()))
                    .toList());
            ends.add(part.endsChunk());
        }
        int room = tokenizer.room(length);
        if (family == TextFamily.OWN) {
            List<PromptToken> all = stretches.stream().flatMap(List::stream).toList();
            int kept = Math.min(all.size(), room);
            return tokenizer.frame(
                    weighted.text(),
                    List.of(all.subList(0, kept)),
                    all.subList(kept, all.size()),
                    length,
                    tokenizer.padId());
        }
        List<List<PromptToken>> chunks = syntax == PromptSyntax.A1111
                ? Chunks.a1111(stretches, ends, room, comma())
                : Chunks.comfyUi(stretches, room);
        return tokenizer.frame(weighted.text(), chunks, List.of(), length, padId(0));
    }

    private int comma() {
        List<PromptToken> comma = tokenizer.tokens(",");
        return comma.size() == 1 ? comma.get(0).id() : -1;
    }

    /** What fills up a tower's chunks. */
    int padId(int tower) {
        if (family == TextFamily.OWN) {
            return tokenizer.padId();
        }
        return family.rules().get(tower).endAsPadding() ? tokenizer.endId() : 0;
    }

    // Its open_clip encoders and SDXL's CLIP-L read the layer that their own config names.
    boolean ignoresClipSkip(PromptOptions options) {
        return options.syntax() == PromptSyntax.A1111 && (family == TextFamily.SD2 || family == TextFamily.SDXL);
    }

    long[] emptyRow(int tower) {
        return tokenizer
                .frame("", List.of(List.of()), List.of(), length, padId(tower))
                .idArray();
    }

    /** The highest token that is certain to come up. */
    int endId() {
        return tokenizer.endId();
    }
}
