/**
 * What pictures are worth: networks, rules and services that score them, and the rank ensemble over several. Start reading at
 * {@code Verifier}.
 *
 * <p>Knows pictures and prompts; knows neither noise nor the model that drew.
 */
@NullMarked
package dev.prenoise.verifier;

import org.jspecify.annotations.NullMarked;
