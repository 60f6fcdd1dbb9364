/**
 * Search algorithms, the {@code Evaluator} seam, budgets, candidates, rankings, the plateau rule. Start reading at {@code SearchAlgorithm} and
 * {@code BestOfN}, the shortest of them; {@code SearchRun} is the ledger that all of them keep. docs/search.md compares them.
 *
 * <p>Knows neither models nor gRPC.
 */
@NullMarked
package dev.prenoise.search;

import org.jspecify.annotations.NullMarked;
