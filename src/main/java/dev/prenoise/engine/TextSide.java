package dev.prenoise.engine;

import dev.prenoise.backbone.checkpoint.Checkpoint;
import dev.prenoise.backbone.checkpoint.Family;
import dev.prenoise.backbone.checkpoint.TextTower;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.Weights;
import dev.prenoise.text.ClipTextEncoder;
import dev.prenoise.text.PromptEncoder;
import dev.prenoise.text.PromptTokenizer;
import dev.prenoise.text.SubjectFinder;
import dev.prenoise.text.SubjectResolver;
import dev.prenoise.text.TextFamily;
import dev.prenoise.text.Tokenizer;
import dev.prenoise.text.TokenizerException;
import dev.prenoise.text.TokenizerFinder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a checkpoint has to read text with: text encoders and a tokenizer, each of which may be missing. Looked for when a prompt first needs
 * it, and not before.
 */
final class TextSide implements AutoCloseable {
    private static final SubjectResolver SUBJECTS = new SubjectResolver(new SubjectFinder());

    private static final String OR_CONDITIONING =
            "; or prompt.conditioning with the host's own embeddings, and token indices for each subject";

    /** Positions of CLIP's text encoders. */
    private static final int CLIP_LENGTH = 77;

    private final Checkpoint checkpoint;
    private final TokenizerFinder tokenizers;
    private final List<ClipTextEncoder> towers = new ArrayList<>();
    private @Nullable Tokenizer tokenizer;

    /**
     * @throws dev.prenoise.tensor.SafetensorsException when a tensor is missing or has another shape than the config says
     */
    TextSide(Checkpoint checkpoint, TokenizerFinder tokenizers, Compute compute, DType type) {
        this.checkpoint = checkpoint;
        this.tokenizers = tokenizers;
        List<TextTower> found = checkpoint.textTowers();
        for (int i = 0; i < found.size(); i++) {
            towers.add(new ClipTextEncoder(found.get(i).config(), checkpoint.textWeights(i, compute, type)));
        }
    }

    /** How many text encoders a model of the family has. */
    static int towers(Family family) {
        return family.isXl() ? 2 : 1;
    }

    /** Positions of one chunk. */
    int tokens() {
        return towers.isEmpty() ? CLIP_LENGTH : towers.get(0).config().length();
    }

    /**
     * @param steps of the sampler
     * @throws InvalidFieldException when the prompt cannot be read, or there is nothing to read it with
     */
    EncodedPrompt encode(PromptSpec prompt, int steps) {
        int expected = towers(checkpoint.family());
        if (towers.size() < expected) {
            throw missing((towers.isEmpty() ? "no text encoder" : "1 text encoder of " + expected) + " in "
                    + checkpoint.path());
        }
        PromptTokenizer words = tokenizer();
        int layersLeftOut = family() == TextFamily.SD2 ? 1 : 0;
        return EncodedPrompt.of(prompt, encoder(words, layersLeftOut), SUBJECTS, steps);
    }

    private PromptEncoder encoder(PromptTokenizer words, int layersLeftOut) {
        try {
            return new PromptEncoder(words, towers, layersLeftOut);
        } catch (IllegalArgumentException e) {
            throw new ModelException(checkpoint.path() + ": " + e.getMessage(), e);
        }
    }

    /**
     * Found in the text by its tokens; no text encoder is needed.
     *
     * @throws InvalidFieldException when there are none, or no tokenizer to find them with
     */
    List<SubjectSpec> subjects(PromptSpec prompt, int steps) {
        return EncodedPrompt.subjects(prompt, tokenizer(), SUBJECTS, steps);
    }

    private TextFamily family() {
        return switch (checkpoint.family()) {
            case SD1 -> TextFamily.SD1;
            case SD2 -> TextFamily.SD2;
            case SDXL, SSD_1B, VEGA -> TextFamily.SDXL;
            case SHAPES -> TextFamily.OWN;
        };
    }

    private PromptTokenizer tokenizer() {
        if (tokenizer == null) {
            try {
                tokenizer = Tokenizer.load(tokenizerPlace());
            } catch (TokenizerException e) {
                throw new ModelException(String.valueOf(e.getMessage()), e);
            }
        }
        return new PromptTokenizer(tokenizer, family(), tokens());
    }

    private Path tokenizerPlace() {
        try {
            return tokenizers.find(checkpoint.path());
        } catch (TokenizerException e) {
            throw new InvalidFieldException("prompt.text", e.getMessage() + OR_CONDITIONING);
        }
    }

    private static InvalidFieldException missing(String what) {
        return new InvalidFieldException("prompt.text", what + " (expected: one" + OR_CONDITIONING + ")");
    }

    List<Weights> weights() {
        return towers.stream().map(ClipTextEncoder::weights).toList();
    }

    /** Merges LoRAs into the text encoders, or takes them out again. */
    void patch(MergedLoras loras) {
        for (int i = 0; i < towers.size(); i++) {
            towers.get(i)
                    .weights()
                    .patch(loras.text().isEmpty() ? Map.of() : loras.text().get(i));
        }
    }

    /** Of the weights. */
    long bytes() {
        return weights().stream().mapToLong(Weights::bytes).sum();
    }

    long loadedBytes() {
        return weights().stream().mapToLong(Weights::loadedBytes).sum();
    }

    long bytesToLoad() {
        return Math.max(0, bytes() - loadedBytes());
    }

    void unload() {
        weights().forEach(Weights::unload);
    }

    @Override
    public void close() {
        unload();
        if (tokenizer != null) {
            tokenizer.close();
            tokenizer = null;
        }
    }
}
