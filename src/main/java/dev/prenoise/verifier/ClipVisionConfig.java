package dev.prenoise.verifier;

import dev.prenoise.tensor.ConfigFile;

/**
 * The shape of a CLIP image encoder, in the words of transformers' {@code config.json}.
 *
 * @param imageSize side of the square picture that it reads, pixels
 * @param patchSize side of a patch, pixels; the picture has {@code (imageSize / patchSize)^2}, rounded down before squaring
 * @param quickGelu whether the activation is {@code x * sigmoid(1.702 x)} rather than GELU
 */
public record ClipVisionConfig(
        int imageSize,
        int patchSize,
        int width,
        int feedForwardWidth,
        int layers,
        int heads,
        double layerNormEps,
        boolean quickGelu) {
    private static final int MAX_LAYERS = 256;
    private static final int MAX_SIDE = 4096;

    /** Patches along a side. */
    public int grid() {
        return imageSize / patchSize;
    }

    /** Places of the transformer: the class's, and one for each patch. */
    public int places() {
        return 1 + grid() * grid();
    }

    /**
     * @param json a {@code vision_config}
     * @throws IllegalArgumentException when a value is not one that this class knows; names file and key
     */
    static ClipVisionConfig of(ConfigFile json) {
        String activation = json.text("hidden_act", "quick_gelu");
        if (!activation.equals("quick_gelu") && !activation.equals("gelu")) {
            throw json.wrong("hidden_act", "quick_gelu or gelu");
        }
        int layers = json.integer("num_hidden_layers", 12);
        if (layers < 1 || layers > MAX_LAYERS) {
            throw json.wrong("num_hidden_layers", "1 to " + MAX_LAYERS);
        }
        int width = json.integer("hidden_size", 768);
        int heads = json.integer("num_attention_heads", 12);
        if (heads < 1 || width < 1 || width % heads != 0) {
            throw json.wrong("num_attention_heads", "a divisor of hidden_size, " + width);
        }
        int side = json.integer("image_size", 224);
        if (side < 1 || side > MAX_SIDE) {
            throw json.wrong("image_size", "1 to " + MAX_SIDE);
        }
        int patch = json.integer("patch_size", 32);
        if (patch < 1 || patch > side) {
            throw json.wrong("patch_size", "1 to image_size, " + side);
        }
        return new ClipVisionConfig(
                side,
                patch,
                width,
                json.integer("intermediate_size", 3072),
                layers,
                heads,
                json.number("layer_norm_eps", 1e-5),
                activation.equals("quick_gelu"));
    }
}
