/** The UNet of the Stable Diffusion family. Start reading at {@link dev.prenoise.backbone.unet.UNet}. */
@NullMarked
package dev.prenoise.backbone.unet;

import org.jspecify.annotations.NullMarked;
