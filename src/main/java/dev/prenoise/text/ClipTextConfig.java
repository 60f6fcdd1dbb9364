package dev.prenoise.text;

import dev.prenoise.tensor.ConfigFile;
import java.nio.file.Path;

/**
 * The shape of a CLIP text encoder, in the words of transformers' {@code config.json}.
 *
 * @param length tokens of a prompt, padding included
 * @param quickGelu whether the activation is {@code x * sigmoid(1.702 x)} rather than GELU
 */
public record ClipTextConfig(
        int vocabulary,
        int length,
        int width,
        int feedForwardWidth,
        int layers,
        int heads,
        double layerNormEps,
        boolean quickGelu,
        int bosId,
        int eosId,
        int padId) {
    private static final int MAX_LAYERS = 256;

    /**
     * @throws IllegalArgumentException when the file is missing or a value is not one that this class knows; names file and key
     */
    public static ClipTextConfig read(Path file) {
        return of(ConfigFile.read(file));
    }

    /** {@link #read} of what was read, a file or the part of one that is about the text encoder. */
    public static ClipTextConfig of(ConfigFile json) {
        String activation = json.text("hidden_act", "quick_gelu");
        if (!activation.equals("quick_gelu") && !activation.equals("gelu")) {
            throw json.wrong("hidden_act", "quick_gelu or gelu");
        }
        int layers = json.integer("num_hidden_layers", 12);
        if (layers < 1 || layers > MAX_LAYERS) {
            throw json.wrong("num_hidden_layers", "1 to " + MAX_LAYERS);
        }
        int width = json.integer("hidden_size", 512);
        int heads = json.integer("num_attention_heads", 8);
        if (heads < 1 || width < 1 || width % heads != 0) {
            throw json.wrong("num_attention_heads", "a divisor of hidden_size, " + width);
        }
        return new ClipTextConfig(
                json.integer("vocab_size", 49408),
                json.integer("max_position_embeddings", 77),
                width,
                json.integer("intermediate_size", 2048),
                layers,
                heads,
                json.number("layer_norm_eps", 1e-5),
                activation.equals("quick_gelu"),
                json.integer("bos_token_id", 49406),
                json.integer("eos_token_id", 49407),
                json.integer("pad_token_id", 1));
    }
}
