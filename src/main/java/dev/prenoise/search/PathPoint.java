package dev.prenoise.search;

import dev.prenoise.noise.Noise;

/**
 * Latents on the way from noise to picture.
 *
 * @param level index of {@link PathEvaluator#levels()}
 * @param latents {@code [1, C, H, W]}, in the evaluator's own scale; at level 0 the unit noise itself
 * @param seed of what a stochastic sampler adds
 */
public record PathPoint(int level, Noise latents, long seed) {}
