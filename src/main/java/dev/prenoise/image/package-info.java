/**
 * Pictures as bytes: what a picture is, reading picture files, resampling them as the reference libraries do. Start reading at
 * {@code Picture}.
 *
 * <p>Knows nothing of tensors, models and what is shown.
 */
@NullMarked
package dev.prenoise.image;

import org.jspecify.annotations.NullMarked;
