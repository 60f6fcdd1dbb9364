package dev.prenoise.text;

import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.text.WeightedText.Part;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Turns prompts into what a network of a family is told of them, as the hosts do: syntax read, long texts cut into chunks that are encoded one by
 * one and laid behind one another, the family's layer and norm, weights.
 *
 * <p>{@link #prepare} needs no weights of the model and may be called by any thread; {@link #encode} by one thread at a time.
 */
public final class PromptEncoder {
    private final Tokenizer tokenizer;
    private final TextFamily family;
    private final List<ClipTextEncoder> towers;
    private final int layersLeftOut;

    /**
     * @param tokenizer CLIP's for every family but {@link TextFamily#OWN}; stays the caller's to close
     * @param towers in the family's order; stay the caller's to close
     * @param layersLeftOut how many of a tower's last layers the files do not have: 1 where Stable Diffusion 2 comes in diffusers' layout, whose
     *     text encoder ends with the layer that is read
     * @throws IllegalArgumentException when the towers are not the family's, or the tokenizer is not theirs
     */
    public PromptEncoder(Tokenizer tokenizer, TextFamily family, List<ClipTextEncoder> towers, int layersLeftOut) {
        if (towers.size() != family.towers()) {
            throw new IllegalArgumentException(
                    "text_encoders: " + towers.size() + " (expected: " + family.towers() + " for " + family + ")");
        }
        for (ClipTextEncoder tower : towers) {
            if (tower.config().length() != towers.get(0).config().length()) {
                throw new IllegalArgumentException("max_position_embeddings: "
                        + tower.config().length() + " (expected: "
                        + towers.get(0).config().length() + ", the first text encoder's)");
            }
            if (tokenizer.endId() >= tower.config().vocabulary()) {
                throw new IllegalArgumentException("tokenizer: ends a text with token " + tokenizer.endId()
                        + " (expected: less than " + tower.config().vocabulary() + ", the text encoder's vocabulary)");
            }
        }
        this.tokenizer = tokenizer;
        this.family = family;
        this.towers = List.copyOf(towers);
        this.layersLeftOut = layersLeftOut;
    }

    public TextFamily family() {
        return family;
    }

    /**
     * Reads a prompt's syntax and tokenizes it. Of a model with a tokenizer of its own the words that the text was too long for are in
     * {@link TokenizedPrompt#truncatedWords()}; the others read texts of any length.
     *
     * @throws PromptException when the prompt asks for what cannot be done here
     * @throws IllegalArgumentException when the model has no layer for the clip skip; names the field
     */
    public PreparedPrompt prepare(String text, PromptOptions options, boolean negative) {
        for (int i = 0; i < towers.size(); i++) {
            layersEarlier(i, options);
        }
        WeightedText weighted =
                switch (options.syntax()) {
                    case COMFYUI -> ComfyPrompt.read(text);
                    case A1111 -> A1111Prompt.read(text, options.steps(), negative);
                    case PLAIN -> WeightedText.plain(text);
                };
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
        return new PreparedPrompt(tokens, options, warnings);
    }

    private TokenizedPrompt tokenize(WeightedText weighted, PromptSyntax syntax) {
        List<List<PromptToken>> stretches = new ArrayList<>();
        List<Boolean> ends = new ArrayList<>();
        List<Integer> starts = weighted.starts();
        for (int i = 0; i < starts.size(); i++) {
            Part part = weighted.parts().get(i);
            int start = starts.get(i);
            stretches.add(tokenizer.tokens(part.text()).stream()
                    .map(token -> token.moved(start, part.weight()))
                    .toList());
            ends.add(part.endsChunk());
        }
        int length = towers.get(0).config().length();
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

    private int padId(int tower) {
        if (family == TextFamily.OWN) {
            return tokenizer.padId();
        }
        return family.rules().get(tower).endAsPadding() ? tokenizer.endId() : 0;
    }

    /** Where the layer that is read lies, seen from the last that the files have. */
    private int layersEarlier(int tower, PromptOptions options) {
        int skip = family.rules().get(tower).clipSkip();
        if (options.clipSkip() != 0 && !ignoresClipSkip(options)) {
            skip = options.clipSkip();
        }
        int layers = towers.get(tower).config().layers();
        if (skip <= layersLeftOut || skip > layers + layersLeftOut) {
            throw new IllegalArgumentException("clip_skip: " + skip + " (expected: " + (layersLeftOut + 1) + " to "
                    + (layers + layersLeftOut) + ", layers that the model's files have)");
        }
        return skip - 1 - layersLeftOut;
    }

    // Its open_clip encoders and SDXL's CLIP-L read the layer that their own config names.
    private boolean ignoresClipSkip(PromptOptions options) {
        return options.syntax() == PromptSyntax.A1111 && (family == TextFamily.SD2 || family == TextFamily.SDXL);
    }

    /** Its tensors belong to the scope around. No gradients. */
    public EncodedText encode(PreparedPrompt prompt) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            List<Tensor> contexts = new ArrayList<>();
            Tensor pooled = null;
            for (int i = 0; i < towers.size(); i++) {
                boolean last = i == towers.size() - 1;
                ClipTextEncoder.Output output = run(i, prompt, last && family.pooled());
                contexts.add(output.hidden());
                pooled = output.pooled();
            }
            Tensor context = contexts.size() == 1 ? contexts.get(0) : Tensor.cat(2, contexts);
            return new EncodedText(scope.keep(context), pooled == null ? null : scope.keep(pooled));
        }
    }

    private ClipTextEncoder.Output run(int tower, PreparedPrompt prompt, boolean pooled) {
        TokenizedPrompt tokens = prompt.tokens();
        PromptSyntax syntax = prompt.options().syntax();
        ClipTextEncoder encoder = towers.get(tower);
        int chunks = tokens.chunks().size();
        int length = encoder.config().length();
        int width = encoder.config().width();

        boolean needsEmpty = syntax == PromptSyntax.COMFYUI && tokens.weighted();
        long[][] rows = tower == 0 ? tokens.rows() : tokens.rows(padId(tower));
        if (needsEmpty) {
            rows = Arrays.copyOf(rows, chunks + 1);
            rows[chunks] = emptyRow(length, padId(tower));
        }
        ClipTextEncoder.Output output = encoder.encode(
                rows,
                layersEarlier(tower, prompt.options()),
                family.rules().get(tower).finalNorm(),
                pooled);
        Tensor context = output.hidden().narrow(0, 0, chunks).reshape(1, (long) chunks * length, width);
        if (needsEmpty) {
            context = TokenWeights.awayFromEmpty(context, output.hidden().narrow(0, chunks, 1), tokens.weights());
        } else if (syntax == PromptSyntax.A1111 && tokens.weighted()) {
            context = TokenWeights.keepingTheMean(context, length, tokens.weights());
        }
        return new ClipTextEncoder.Output(context, firstRow(output.pooled()));
    }

    private long[] emptyRow(int length, int padId) {
        return tokenizer.frame("", List.of(List.of()), List.of(), length, padId).idArray();
    }

    private static @Nullable Tensor firstRow(@Nullable Tensor pooled) {
        return pooled == null ? null : pooled.narrow(0, 0, 1);
    }
}
