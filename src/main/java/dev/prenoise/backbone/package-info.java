/**
 * Networks that predict noise and networks between pictures and latents, with attention taps attached from outside.
 *
 * <p>Knows nothing of searching. Start reading at {@link dev.prenoise.backbone.unet.UNet} and {@link
 * dev.prenoise.backbone.AttentionTap}.
 */
@NullMarked
package dev.prenoise.backbone;

import org.jspecify.annotations.NullMarked;
