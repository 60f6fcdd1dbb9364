package dev.prenoise.text;

import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Turns prompts into what a network of a family is told of them, as the hosts do: chunks are encoded one by one and laid behind one another, from
 * the family's layer, with or without the final norm, and tokens' weights act.
 *
 * <p>{@link #prepare} needs no weights of the model and may be called by any thread; {@link #encode} by one thread at a time.
 */
public final class PromptEncoder {
    private final PromptTokenizer tokenizer;
    private final List<ClipTextEncoder> towers;
    private final int layersLeftOut;

    /**
     * @param towers in the family's order; stay the caller's to close
     * @param layersLeftOut how many of a tower's last layers are not there: 1 where Stable Diffusion 2's text encoder ends with the layer that
     *     is read, as it does in diffusers' layout
     * @throws IllegalArgumentException when the towers are not the family's, or the tokenizer is not theirs
     */
    public PromptEncoder(PromptTokenizer tokenizer, List<ClipTextEncoder> towers, int layersLeftOut) {
        TextFamily family = tokenizer.family();
        if (towers.size() != family.towers()) {
            throw new IllegalArgumentException(
                    "text_encoders: " + towers.size() + " (expected: " + family.towers() + " for " + family + ")");
        }
        for (ClipTextEncoder tower : towers) {
            if (tower.config().length() != tokenizer.length()) {
                throw new IllegalArgumentException("max_position_embeddings: "
                        + tower.config().length() + " (expected: " + tokenizer.length() + ", the length of a chunk)");
            }
            if (tokenizer.endId() >= tower.config().vocabulary()) {
                throw new IllegalArgumentException("tokenizer: ends a text with token " + tokenizer.endId()
                        + " (expected: less than " + tower.config().vocabulary() + ", the text encoder's vocabulary)");
            }
        }
        this.tokenizer = tokenizer;
        this.towers = List.copyOf(towers);
        this.layersLeftOut = layersLeftOut;
    }

    public TextFamily family() {
        return tokenizer.family();
    }

    /**
     * {@link PromptTokenizer#prepare}, where the model has a layer for the clip skip.
     *
     * @throws PromptException when the prompt asks for what cannot be done here
     * @throws IllegalArgumentException when there is no such layer; names the field
     */
    public PreparedPrompt prepare(String text, PromptOptions options, boolean negative) {
        for (int i = 0; i < towers.size(); i++) {
            layersEarlier(i, options);
        }
        return tokenizer.prepare(text, options, negative);
    }

    /** Where the layer that is read lies, seen from the last that the files have. */
    private int layersEarlier(int tower, PromptOptions options) {
        int skip = tokenizer.family().rules().get(tower).clipSkip();
        if (options.clipSkip() != 0 && !tokenizer.ignoresClipSkip(options)) {
            skip = options.clipSkip();
        }
        int layers = towers.get(tower).config().layers();
        if (skip <= layersLeftOut || skip > layers + layersLeftOut) {
            throw new IllegalArgumentException("clip_skip: " + skip + " (expected: " + (layersLeftOut + 1) + " to "
                    + (layers + layersLeftOut) + ", layers that the model's files have)");
        }
        return skip - 1 - layersLeftOut;
    }

    /** Its tensors belong to the scope around. No gradients. */
    public EncodedText encode(PreparedPrompt prompt) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            List<Tensor> contexts = new ArrayList<>();
            Tensor pooled = null;
            for (int i = 0; i < towers.size(); i++) {
                boolean last = i == towers.size() - 1;
                ClipTextEncoder.Output output =
                        run(i, prompt, last && tokenizer.family().pooled());
                contexts.add(output.hidden());
                pooled = output.pooled();
            }
            Tensor context = contexts.size() == 1 ? contexts.get(0) : Tensor.cat(2, contexts);
            if (prompt.zeros()) {
                context = context.sub(context);
                pooled = pooled == null ? null : pooled.sub(pooled);
            }
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
        long[][] rows = tower == 0 ? tokens.rows() : tokens.rows(tokenizer.padId(tower));
        if (needsEmpty) {
            rows = Arrays.copyOf(rows, chunks + 1);
            rows[chunks] = tokenizer.emptyRow(tower);
        }
        ClipTextEncoder.Output output = encoder.encode(
                rows,
                layersEarlier(tower, prompt.options()),
                tokenizer.family().rules().get(tower).finalNorm(),
                pooled);
        Tensor context = output.hidden().narrow(0, 0, chunks).reshape(1, (long) chunks * length, width);
        if (needsEmpty) {
            context = TokenWeights.awayFromEmpty(context, output.hidden().narrow(0, chunks, 1), tokens.weights());
        } else if (syntax == PromptSyntax.A1111 && tokens.weighted()) {
            context = TokenWeights.keepingTheMean(context, length, tokens.weights());
        }
        return new ClipTextEncoder.Output(context, firstRow(output.pooled()));
    }

    private static @Nullable Tensor firstRow(@Nullable Tensor pooled) {
        return pooled == null ? null : pooled.narrow(0, 0, 1);
    }
}
