/**
 * What outlives the process: searches and their scored candidates, in SQLite. Start reading at {@code SearchStore}.
 *
 * <p>Knows domain records and SQL; knows neither messages nor calls nor threads that search.
 */
@NullMarked
package dev.prenoise.server.store;

import org.jspecify.annotations.NullMarked;
