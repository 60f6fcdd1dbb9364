package dev.prenoise.server.store;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How the candidates that are stored of a search stand among each other.
 *
 * @param best best first, with the scores that they have among all
 * @param baseline candidate 0, likewise; null before it is scored
 */
public record Standing(List<StoredCandidate> best, @Nullable StoredCandidate baseline) {
    public Standing {
        best = List.copyOf(best);
    }
}
