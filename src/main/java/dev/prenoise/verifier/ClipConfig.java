package dev.prenoise.verifier;

import dev.prenoise.tensor.ConfigFile;
import dev.prenoise.text.ClipTextConfig;
import java.nio.file.Path;

/**
 * The shape of a CLIP.
 *
 * @param projection width P of the embeddings that pictures and texts share
 */
public record ClipConfig(ClipVisionConfig vision, ClipTextConfig text, int projection) {
    /**
     * @param file transformers' {@code config.json} of a CLIPModel
     * @throws IllegalArgumentException when the file is missing or a value is not one that this class knows; names file and key
     */
    public static ClipConfig read(Path file) {
        ConfigFile json = ConfigFile.read(file);
        return new ClipConfig(
                ClipVisionConfig.of(json.under("vision_config")),
                ClipTextConfig.of(json.under("text_config")),
                json.integer("projection_dim", 512));
    }
}
