package dev.prenoise.server.grpc;

import dev.prenoise.engine.BackboneInfo;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.server.jobs.HelpedSearch;
import dev.prenoise.server.jobs.Lane;
import dev.prenoise.server.jobs.OtherWeightsException;
import dev.prenoise.server.jobs.SearchSpec;
import dev.prenoise.v1.CandidateEvaluatorGrpc;
import dev.prenoise.v1.CandidatesStart;
import dev.prenoise.v1.EvaluateCandidatesRequest;
import dev.prenoise.v1.EvaluateCandidatesResponse;
import dev.prenoise.v1.OptimizeNoiseRequest;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.function.BooleanSupplier;

/**
 * The contract's second service: scores candidates of searches that run on other sidecars. It has no way to this sidecar's own peers.
 *
 * <p>Thread-safe; as many calls as there are places are open at once, and each call has a thread of its own while it has something to do.
 */
public final class CandidatesService extends CandidateEvaluatorGrpc.CandidateEvaluatorImplBase {
    /** How a refusal begins that means this very sidecar. */
    static final String ITSELF = "start.instance: ";

    private final SidecarIdentity own;
    private final ModelCatalog catalog;
    private final Lane lane;
    private final RequestValidator validator;
    private final ThreadPoolExecutor helping;
    private final Semaphore places;
    private final ScheduledExecutorService clock;
    private final Duration patience;

    /**
     * @param limits of searches at once too: so many are helped, whatever runs here beside them
     * @param helping scores candidates, which waits for the lane
     * @param clock ends calls on which nothing is asked
     * @param patience how long nothing may be asked on a call
     */
    public CandidatesService(
            SidecarIdentity own,
            ModelCatalog catalog,
            Lane lane,
            Limits limits,
            ThreadPoolExecutor helping,
            ScheduledExecutorService clock,
            Duration patience) {
        this.own = own;
        this.catalog = catalog;
        this.lane = lane;
        this.helping = helping;
        this.clock = clock;
        this.patience = patience;
        places = new Semaphore(limits.maxSearches());
        validator = new RequestValidator(limits);
    }

    @Override
    public StreamObserver<EvaluateCandidatesRequest> evaluateCandidates(
            StreamObserver<EvaluateCandidatesResponse> response) {
        return new CandidatesCall(
                (ServerCallStreamObserver<EvaluateCandidatesResponse>) response,
                helping,
                places,
                clock,
                patience,
                own.instance(),
                this::begin);
    }

    /** Opens no model yet, so that the answer is soon there. */
    private HelpedSearch begin(CandidatesStart start, BooleanSupplier stopped) {
        requireSame("start.version", start.getVersion(), own.version());
        if (start.getInstance().equals(own.instance())) {
            throw new OtherWeightsException(ITSELF + "this sidecar itself (expected: another)");
        }
        requireSame("start.device", start.getDevice(), own.device());
        OptimizeNoiseRequest request = start.getRequest();
        validator.check(request);
        String backbone = catalog.resolve(request.getBackbone());
        String family = catalog.list().stream()
                .filter(info -> info.id().equals(backbone))
                .map(BackboneInfo::family)
                .findFirst()
                .orElse("");
        List<String> loras = new ArrayList<>();
        for (int i = 0; i < request.getLoraCount(); i++) {
            loras.add(catalog.resolveLora(
                    "lora[" + i + "].name", request.getLora(i).getName()));
        }
        List<String> verifiers = ChosenVerifiers.resolve(request, catalog.verifiers(), family);
        SearchSpec spec = Protos.search(request, "helped", backbone, loras, verifiers);
        HelpedSearch search = new HelpedSearch(spec, catalog, lane, stopped);
        search.requireSame(ShareMessages.weights(start));
        return search;
    }

    private static void requireSame(String field, String theirs, String ours) {
        if (!theirs.equals(ours)) {
            throw new OtherWeightsException(
                    field + ": " + Violations.quoted(theirs) + " (expected: " + Violations.quoted(ours) + ")");
        }
    }
}
