package dev.prenoise.backbone.checkpoint;

import dev.prenoise.tensor.ConfigFile;
import org.jspecify.annotations.Nullable;

/**
 * What searching and drawing with a model starts from where a request says nothing.
 *
 * <p>The numbers are usual ones of the family, or those of a JSON file beside the model: {@code prenoise.json} in a folder, {@code
 * NAME.prenoise.json} beside {@code NAME.safetensors}. It may have the keys {@code attention_stride}, {@code steps}, {@code guidance_scale} and
 * {@code batch}, and says besides what a single file cannot:
 *
 * <ul>
 *   <li>{@code heads}: attention heads, one number or a list with one for each level. <b>They are not in the file.</b> Without this the
 *       family's rule holds, 8 heads in Stable Diffusion 1 and heads 64 wide everywhere else, and a model trained with others would be silently
 *       wrong
 *   <li>{@code text_heads}: the same for the text encoders, one number or a list with one for each encoder; otherwise 64 wide
 *   <li>{@code norm_groups}: groups of the UNet's and the VAE's group norms; otherwise 32, or fewer where 32 does not divide the widths
 *   <li>{@code addition_time_embed_dim}: SDXL's sinusoids for each picture size; otherwise what the text encoder leaves room for, or 256
 *   <li>{@code prediction}: "eps" or "v"; {@code zero_terminal_snr}: true or false
 *   <li>{@code family}: an id of {@link Family}
 * </ul>
 *
 * @param attentionStride latent pixels to a position of the attention grid that the losses read; 4 in Stable Diffusion, which makes the
 *     32-pixel grid of the published code
 * @param steps denoising steps
 * @param batch noises scored in one call on a CPU
 */
public record ModelCard(int attentionStride, int steps, double guidanceScale, int batch) {
    static final String FILE = "prenoise.json";

    private static final ModelCard STABLE_DIFFUSION = new ModelCard(4, 30, 7.5, 1);

    /**
     * @throws IllegalArgumentException when a value is not one; names file and key
     */
    static ModelCard of(@Nullable ConfigFile json) {
        if (json == null) {
            return STABLE_DIFFUSION;
        }
        return new ModelCard(
                atLeastOne(json, "attention_stride", STABLE_DIFFUSION.attentionStride),
                atLeastOne(json, "steps", STABLE_DIFFUSION.steps),
                json.number("guidance_scale", STABLE_DIFFUSION.guidanceScale),
                atLeastOne(json, "batch", STABLE_DIFFUSION.batch));
    }

    private static int atLeastOne(ConfigFile json, String key, int otherwise) {
        int value = json.integer(key, otherwise);
        if (value < 1) {
            throw json.wrong(key, ">= 1");
        }
        return value;
    }
}
