/**
 * Search algorithms, the {@code Evaluator} seam, budgets, candidates, the plateau rule.
 *
 * <p>Knows neither models nor gRPC.
 */
@NullMarked
package dev.prenoise.search;

import org.jspecify.annotations.NullMarked;
