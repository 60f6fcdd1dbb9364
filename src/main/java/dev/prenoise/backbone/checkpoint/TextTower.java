package dev.prenoise.backbone.checkpoint;

import dev.prenoise.text.ClipTextConfig;

/**
 * A text encoder that comes with a checkpoint.
 *
 * @param config as the checkpoint's own config says or as told from shapes. Of {@link Kind#OPEN_CLIP_H} the last layer is left out, which
 *     Stable Diffusion 2 never reads: what is used is the last layer that the config has, with the final norm, in every layout
 */
public record TextTower(Kind kind, ClipTextConfig config) {
    /**
     * @throws IllegalArgumentException when the width does not fit into heads, or a special token lies outside the vocabulary
     */
    public TextTower {
        if (config.heads() < 1 || config.width() % config.heads() != 0) {
            throw new IllegalArgumentException("num_attention_heads: " + config.heads()
                    + " (expected: a divisor of the text encoder's width, " + config.width() + ")");
        }
        for (int id : new int[] {config.bosId(), config.eosId(), config.padId()}) {
            if (id < 0 || id >= config.vocabulary()) {
                throw new IllegalArgumentException(
                        "special token: " + id + " (expected: 0 to " + (config.vocabulary() - 1) + ")");
            }
        }
    }

    /** Which pretrained encoder it descends from. */
    public enum Kind {
        /** OpenAI's ViT-L/14: Stable Diffusion 1, and the first of SDXL's two. */
        CLIP_L,
        /** OpenCLIP's ViT-H/14: Stable Diffusion 2. */
        OPEN_CLIP_H,
        /** OpenCLIP's ViT-bigG/14: the second of SDXL's two. */
        OPEN_CLIP_BIG_G,
        /** Any other, such as the built-in model's. */
        OTHER
    }
}
