package dev.prenoise.server.store;

import dev.prenoise.search.Ranking;
import dev.prenoise.search.Spend;
import dev.prenoise.search.StopReason;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A search as it stands in the store, without its candidates.
 *
 * @param id chosen by the caller, or drawn
 * @param request as it was sent
 * @param fingerprint equal for requests that ask for the same search
 * @param lowerIsBetter the direction of its scores
 * @param stopReason null while it runs and where it failed
 * @param error why it failed; null where it did not
 * @param spent by the search itself
 * @param illustrationCalls denoiser calls spent on previews and heat maps
 * @param elapsed over all runs of this search
 * @param warnings what went wrong on the way without ending it, sentences for the user
 */
public record StoredSearch(
        String id,
        byte[] request,
        String fingerprint,
        Acceptance acceptance,
        boolean lowerIsBetter,
        SearchState state,
        @Nullable StopReason stopReason,
        @Nullable String error,
        Spend spent,
        int illustrationCalls,
        Duration elapsed,
        List<String> warnings) {
    public StoredSearch {
        warnings = List.copyOf(warnings);
    }

    /** Who is best among its candidates. */
    public Ranking ranking() {
        return acceptance.verifiers().size() < 2
                ? Ranking.byScore(lowerIsBetter)
                : Ranking.ensemble(acceptance.verifiers().stream()
                        .collect(Collectors.toMap(VerifierChoice::name, VerifierChoice::weight)));
    }
}
