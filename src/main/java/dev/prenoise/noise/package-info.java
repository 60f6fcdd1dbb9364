/**
 * Seeds, the generators hosts use (torch CPU, NV Philox), recipes, and noise itself.
 *
 * <p>Pure Java, thread-safe; knows nothing of models. Start reading at {@link dev.prenoise.noise.NoiseRecipes}: a recipe
 * becomes noise there.
 */
@NullMarked
package dev.prenoise.noise;

import org.jspecify.annotations.NullMarked;
