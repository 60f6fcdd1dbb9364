package dev.prenoise.engine;

import dev.prenoise.tensor.ConfigFile;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What a model folder's {@code prenoise.json} says that diffusers' files do not. The file is optional.
 *
 * @param family "sd1" where nothing is said
 * @param attentionStride latent pixels to a position of the attention grid that the losses read; 4 in Stable Diffusion, which makes the
 *     32-pixel grid of the published code
 * @param steps denoising steps where a request names none
 * @param guidanceScale where a request names none
 * @param batch noises scored in one call on a CPU
 */
record ModelCard(String family, int attentionStride, int steps, double guidanceScale, int batch) {
    static final String FILE = "prenoise.json";

    static final ModelCard STABLE_DIFFUSION = new ModelCard("sd1", 4, 30, 7.5, 1);

    /**
     * @throws IllegalArgumentException when the file is there and cannot be read; names it
     */
    static ModelCard read(Path folder) {
        Path file = folder.resolve(FILE);
        if (!Files.exists(file)) {
            return STABLE_DIFFUSION;
        }
        ConfigFile json = ConfigFile.read(file);
        ModelCard card = new ModelCard(
                json.text("family", STABLE_DIFFUSION.family()),
                json.integer("attention_stride", STABLE_DIFFUSION.attentionStride()),
                json.integer("steps", STABLE_DIFFUSION.steps()),
                json.number("guidance_scale", STABLE_DIFFUSION.guidanceScale()),
                json.integer("batch", STABLE_DIFFUSION.batch()));
        if (card.attentionStride() < 1 || card.steps() < 1 || card.batch() < 1) {
            throw new IllegalArgumentException(file + ": attention_stride, steps and batch (expected: >= 1)");
        }
        return card;
    }
}
