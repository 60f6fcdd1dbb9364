package dev.prenoise.server.cli;

import dev.prenoise.v1.Accepted;
import dev.prenoise.v1.Candidate;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.OptimizeNoiseResponse;
import dev.prenoise.v1.Summary;
import io.grpc.StatusRuntimeException;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** One call of OptimizeNoise, read to its end. What came before a failure stays readable. Used by one thread. */
final class Search {
    private final Service service;
    private final OptimizeNoiseRequest request;
    private final Map<Integer, Candidate> scored = new TreeMap<>();
    private Accepted accepted = Accepted.getDefaultInstance();
    private @Nullable Summary summary;

    Search(Service service, OptimizeNoiseRequest request) {
        this.service = service;
        this.request = request;
    }

    /**
     * @throws StatusRuntimeException when the service refuses or fails, or the call is cancelled
     * @throws CliException when the stream ends early
     */
    SearchResult run(ProgressView view) {
        Iterator<OptimizeNoiseResponse> events = service.stub().optimizeNoise(request);
        while (events.hasNext()) {
            accept(events.next(), view);
        }
        if (summary == null) {
            throw new CliException(service.name() + " ended the search without a summary");
        }
        return SearchResult.of(request, accepted, scored.values(), summary);
    }

    /** As the service accepted it, or empty where it did not. */
    String id() {
        return accepted.getSearchId();
    }

    /** The best of what was streamed until now. */
    Optional<Candidate> best() {
        return scored.values().stream().min(SearchResult.bestFirst());
    }

    Optional<Candidate> baseline() {
        return Optional.ofNullable(scored.get(0));
    }

    int count() {
        return scored.size();
    }

    private void accept(OptimizeNoiseResponse event, ProgressView view) {
        switch (event.getEventCase()) {
            case ACCEPTED -> {
                accepted = event.getAccepted();
                view.accepted(accepted);
            }
            case PROGRESS -> view.progress(event.getProgress());
            case CANDIDATE -> scored.put(event.getCandidate().getIndex(), event.getCandidate());
            case SUMMARY -> summary = event.getSummary();
            case EVENT_NOT_SET -> {
                // An event that a newer service has and this client does not know.
            }
        }
    }
}
