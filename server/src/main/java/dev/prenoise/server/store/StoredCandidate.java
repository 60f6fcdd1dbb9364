package dev.prenoise.server.store;

import dev.prenoise.search.Candidate;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A scored candidate and what was drawn of it.
 *
 * @param bestSoFar whether it was the best when it was scored
 * @param preview PNG; null where none was drawn
 * @param heatMaps one for each subject, or none
 */
public record StoredCandidate(
        Candidate candidate, boolean bestSoFar, byte @Nullable [] preview, List<HeatMap> heatMaps) {
    public StoredCandidate {
        heatMaps = List.copyOf(heatMaps);
    }
}
