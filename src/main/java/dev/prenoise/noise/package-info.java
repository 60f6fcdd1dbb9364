/**
 * Seeds, the generators hosts use (torch CPU, NV Philox), recipes, and noise itself.
 *
 * <p>Pure Java, thread-safe; knows nothing of models. Start reading at {@code Noise}.
 */
@NullMarked
package dev.prenoise.noise;

import org.jspecify.annotations.NullMarked;
