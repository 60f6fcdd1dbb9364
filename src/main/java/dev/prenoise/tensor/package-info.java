/**
 * Tensors on libtorch: devices, dtypes, scopes, gradient mode, the op pack, safetensors. The one door to DJL.
 *
 * <p>Knows nothing of diffusion. Start reading at {@code Tensor}.
 */
@NullMarked
package dev.prenoise.tensor;

import org.jspecify.annotations.NullMarked;
