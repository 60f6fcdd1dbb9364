/**
 * Searches while they run: one lane per device, who shares it, who listens, who stops. Start reading at {@code Searches};
 * whose model a search is on is {@code SearchModel}.
 *
 * <p>Knows the engine's seams and the store; knows neither messages nor calls.
 */
@NullMarked
package dev.prenoise.server.jobs;

import org.jspecify.annotations.NullMarked;
