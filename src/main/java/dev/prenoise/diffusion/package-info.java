/**
 * Sigmas and schedules as each host has them, parameterisations, samplers.
 *
 * <p>Does not know which backbone predicts.
 */
@NullMarked
package dev.prenoise.diffusion;

import org.jspecify.annotations.NullMarked;
