/**
 * Model files as users have them: which family a file or folder is of, what shape its networks have, and its weights under the names that
 * the networks ask for, whatever names stand on disk.
 *
 * <p>Start reading at {@link dev.prenoise.backbone.checkpoint.Checkpoint}; {@link dev.prenoise.backbone.checkpoint.KeyNames} has the two
 * naming schemes of a UNet side by side.
 */
@NullMarked
package dev.prenoise.backbone.checkpoint;

import org.jspecify.annotations.NullMarked;
