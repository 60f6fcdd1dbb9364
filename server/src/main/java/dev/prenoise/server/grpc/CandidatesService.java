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
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.function.BooleanSupplier;

/**
 * The contract's second service: scores candidates of searches that run on other sidecars. It has no way to this sidecar's own peers.
 *
 * <p>Stateless and thread-safe; each call has a thread of its own while it has something to do.
 */
public final class CandidatesService extends CandidateEvaluatorGrpc.CandidateEvaluatorImplBase {
    /** How a refusal begins that means this very sidecar. */
    static final String ITSELF = "start.instance: ";

    private final SidecarIdentity own;
    private final ModelCatalog catalog;
    private final Lane lane;
    private final RequestValidator validator;
    private final ThreadPoolExecutor helping;

    /**
     * @param helping scores candidates, which waits for the lane: as many calls at once as it has threads, and no queue
     */
    public CandidatesService(
            SidecarIdentity own, ModelCatalog catalog, Lane lane, Limits limits, ThreadPoolExecutor helping) {
        this.own = own;
        this.catalog = catalog;
        this.lane = lane;
        this.helping = helping;
        validator = new RequestValidator(limits);
    }

    @Override
    public StreamObserver<EvaluateCandidatesRequest> evaluateCandidates(
            StreamObserver<EvaluateCandidatesResponse> response) {
        return new CandidatesCall(
                (ServerCallStreamObserver<EvaluateCandidatesResponse>) response, helping, own.instance(), this::begin);
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
