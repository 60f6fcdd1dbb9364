/** AutoencoderKL. Start reading at {@link dev.prenoise.backbone.vae.Autoencoder}. */
@NullMarked
package dev.prenoise.backbone.vae;

import org.jspecify.annotations.NullMarked;
