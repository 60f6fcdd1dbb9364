/**
 * Sigmas and schedules as each host has them, parameterisations, samplers.
 *
 * <p>Does not know which backbone predicts. Start reading at {@link dev.prenoise.diffusion.SamplingPlan}, which says what a host does, and
 * {@link dev.prenoise.diffusion.Sampler}, which does it. Noisy latents are k-diffusion's {@code x0 + sigma * e} throughout, or a flow's
 * {@code (1 - s) * x0 + s * e}; a new sampler is one file and one line in {@link dev.prenoise.diffusion.Samplers}.
 */
@NullMarked
package dev.prenoise.diffusion;

import org.jspecify.annotations.NullMarked;
