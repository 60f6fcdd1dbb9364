/**
 * Attention maps and the losses on them: InitNO, CONFORM, Self-Cross, Attend-and-Excite.
 *
 * <p>Plain arrays in, numbers out; does not know which backbone made the maps. Start reading at {@link
 * AttentionLoss}; {@link AttentionLosses} has them by name, and each loss says in which forms it comes and why.
 */
@NullMarked
package dev.prenoise.attention;

import org.jspecify.annotations.NullMarked;
