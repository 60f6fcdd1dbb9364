package dev.prenoise.server.grpc;

import dev.prenoise.server.jobs.Progress;
import dev.prenoise.server.store.SearchStore;
import dev.prenoise.server.store.Standing;
import dev.prenoise.server.store.StoredCandidate;
import dev.prenoise.server.store.StoredSearch;
import dev.prenoise.v1.Candidate;
import dev.prenoise.v1.Output;
import dev.prenoise.v1.Summary;
import java.util.List;

/** What a search has found, from the store: the same for a search that ends now, one that ended long ago, and one that still runs. */
final class Summaries {
    private Summaries() {}

    static Summary of(SearchStore store, String id, Output output) {
        StoredSearch search = stored(store, id);
        boolean lowerIsBetter = search.lowerIsBetter();
        Standing standing = store.standing(search, Protos.best(output));
        List<StoredCandidate> best = standing.best();
        Summary.Builder summary = Summary.newBuilder()
                .addAllBest(best.stream()
                        .map(candidate -> candidate(candidate, lowerIsBetter, output))
                        .toList())
                .setStopReason(Protos.stopReason(search.stopReason()))
                .setSpent(Protos.progress(spent(search, best)))
                .addAllWarnings(search.warnings());
        StoredCandidate baseline = standing.baseline();
        if (baseline != null) {
            summary.setBaseline(candidate(baseline, lowerIsBetter, output));
        }
        // it may have been pruned while its candidates were read
        stored(store, id);
        return summary.build();
    }

    private static StoredSearch stored(SearchStore store, String id) {
        StoredSearch search = store.search(id);
        if (search == null) {
            throw Statuses.notFound("search_id: " + Violations.quoted(id)
                    + " (expected: the id of a stored search; this one was just deleted for its age)");
        }
        return search;
    }

    private static Candidate candidate(StoredCandidate candidate, boolean lowerIsBetter, Output output) {
        boolean preview = Protos.include(output.getPreview()) != dev.prenoise.server.jobs.Include.NONE;
        return Protos.candidate(candidate, lowerIsBetter, true, preview, output.getAttention());
    }

    private static Progress spent(StoredSearch search, List<StoredCandidate> best) {
        return new Progress(
                search.spent(),
                search.illustrationCalls(),
                search.elapsed(),
                Progress.fraction(search.acceptance(), search.spent(), search.elapsed()),
                best.isEmpty() ? Double.NaN : best.get(0).candidate().score(),
                "");
    }
}
