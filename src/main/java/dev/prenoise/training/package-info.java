/**
 * Training of small networks on the CPU or a GPU: AdamW, a schedule, a moving average, checkpoints; and what the built-in world's verifiers
 * are taught.
 *
 * <p>Start reading at {@code TrainingRun} for training any network, at {@code ShapesClip} for the built-in one. Which picture, caption or
 * starting weight comes when depends on seeds alone.
 */
@NullMarked
package dev.prenoise.training;

import org.jspecify.annotations.NullMarked;
