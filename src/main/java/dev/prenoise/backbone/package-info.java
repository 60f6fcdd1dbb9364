/**
 * Networks that predict noise (the UNet) and networks between pictures and latents (the VAE), with attention taps attached from outside.
 *
 * <p>Knows nothing of searching.
 */
@NullMarked
package dev.prenoise.backbone;

import org.jspecify.annotations.NullMarked;
