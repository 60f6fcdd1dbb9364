package dev.prenoise.server.grpc;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.prenoise.engine.BackboneInfo;
import dev.prenoise.engine.HostProfile;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.noise.NoiseRecipes;
import dev.prenoise.server.jobs.Attachment;
import dev.prenoise.server.jobs.BusyException;
import dev.prenoise.server.jobs.Illustrations;
import dev.prenoise.server.jobs.Lane;
import dev.prenoise.server.jobs.Peers;
import dev.prenoise.server.jobs.SearchSpec;
import dev.prenoise.server.jobs.Searches;
import dev.prenoise.server.jobs.ShuttingDownException;
import dev.prenoise.server.store.SearchStore;
import dev.prenoise.server.store.StoredSearch;
import dev.prenoise.v1.EvaluateAttentionRequest;
import dev.prenoise.v1.EvaluateAttentionResponse;
import dev.prenoise.v1.FindSubjectsRequest;
import dev.prenoise.v1.FindSubjectsResponse;
import dev.prenoise.v1.GetCapabilitiesRequest;
import dev.prenoise.v1.GetCapabilitiesResponse;
import dev.prenoise.v1.GetSearchRequest;
import dev.prenoise.v1.GetSearchResponse;
import dev.prenoise.v1.HostStart;
import dev.prenoise.v1.NoiseProviderGrpc;
import dev.prenoise.v1.OptimizeNoiseOnHostRequest;
import dev.prenoise.v1.OptimizeNoiseOnHostResponse;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.OptimizeNoiseResponse;
import dev.prenoise.v1.ReleaseMemoryRequest;
import dev.prenoise.v1.ReleaseMemoryResponse;
import dev.prenoise.v1.SampleNoiseRequest;
import dev.prenoise.v1.SampleNoiseResponse;
import dev.prenoise.v1.ScoreImagesRequest;
import dev.prenoise.v1.ScoreImagesResponse;
import dev.prenoise.v1.SearchState;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/**
 * The contract. Every call is validated here before any work and answered from the other rooms; a failure becomes a status here.
 *
 * <p>Stateless and thread-safe. Nothing waits, computes or looks at a model's files on the thread of a call: searches have threads of their
 * own, and the rest is done on a few others.
 */
public final class NoiseProviderService extends NoiseProviderGrpc.NoiseProviderImplBase {
    /** Of a host's own model, whatever it is: an alias of a verifier means what suits any but the built-in model. */
    private static final String HOST_FAMILY = "host";

    private final String version;
    private final ModelCatalog catalog;
    private final Lane lane;
    private final Peers peers;
    private final Searches searches;
    private final SearchStore store;
    private final Limits limits;
    private final Duration hostTimeout;
    private final RequestValidator validator;
    private final Executor sending;
    private final Executor computing;
    private final ThreadPoolExecutor scoring;
    private final ImageScoring imageScoring;

    /**
     * @param hostTimeout how long a host may take for one evaluation
     * @param sending sends the streams; may be the server's own
     * @param computing draws noise, evaluates attention, and looks up models, which may lie on a slow drive; a few threads
     * @param scoring has pictures judged, which waits for the lane and for other machines; a few threads, and a queue with an end
     */
    public NoiseProviderService(
            String version,
            ModelCatalog catalog,
            Lane lane,
            Peers peers,
            Searches searches,
            SearchStore store,
            Limits limits,
            Duration hostTimeout,
            Executor sending,
            Executor computing,
            ThreadPoolExecutor scoring) {
        this.version = version;
        this.catalog = catalog;
        this.lane = lane;
        this.peers = peers;
        this.searches = searches;
        this.store = store;
        this.limits = limits;
        this.hostTimeout = hostTimeout;
        this.sending = sending;
        this.computing = computing;
        this.scoring = scoring;
        validator = new RequestValidator(limits);
        imageScoring = new ImageScoring(catalog.verifiers(), lane, limits);
    }

    @Override
    public void getCapabilities(GetCapabilitiesRequest request, StreamObserver<GetCapabilitiesResponse> response) {
        compute(response, () -> Capabilities.of(version, catalog, peers.status(), limits));
    }

    @Override
    public void sampleNoise(SampleNoiseRequest request, StreamObserver<SampleNoiseResponse> response) {
        compute(response, () -> {
            validator.check(request);
            SampleNoiseResponse.Builder noise = SampleNoiseResponse.newBuilder();
            request.getRecipesList()
                    .forEach(recipe -> noise.addNoise(Tensors.of(NoiseRecipes.replay(Protos.recipe(recipe)))));
            return noise.build();
        });
    }

    @Override
    public void optimizeNoise(OptimizeNoiseRequest request, StreamObserver<OptimizeNoiseResponse> response) {
        // On the call's thread: gRPC takes the stream's handlers no later.
        SearchStream<OptimizeNoiseResponse> stream = new SearchStream<>(
                (ServerCallStreamObserver<OptimizeNoiseResponse>) response,
                UnaryOperator.identity(),
                UnaryOperator.identity(),
                store,
                sending);
        execute(response, () -> {
            try {
                validator.check(request);
                stream.begin(attach(request, stream::wake), request.getOutput());
            } catch (RuntimeException | Error e) {
                stream.refuse(e);
            }
        });
    }

    @Override
    public void getSearch(GetSearchRequest request, StreamObserver<GetSearchResponse> response) {
        answer(response, () -> {
            validator.checkSearchId(request.getSearchId());
            return search(request.getSearchId());
        });
    }

    @Override
    public void evaluateAttention(
            EvaluateAttentionRequest request, StreamObserver<EvaluateAttentionResponse> response) {
        compute(response, () -> {
            validator.check(request);
            return AttentionEvaluation.evaluate(request);
        });
    }

    /** Waits for the evaluation that runs now, not for the searches: their weights load again. */
    @Override
    public void releaseMemory(ReleaseMemoryRequest request, StreamObserver<ReleaseMemoryResponse> response) {
        lane.submit(catalog::releaseMemory)
                .whenComplete((freed, failure) -> answer(response, () -> {
                    if (failure != null) {
                        throw Statuses.of(failure);
                    }
                    return ReleaseMemoryResponse.newBuilder()
                            .setBytesFreed(freed)
                            .build();
                }));
    }

    @Override
    public StreamObserver<OptimizeNoiseOnHostRequest> optimizeNoiseOnHost(
            StreamObserver<OptimizeNoiseOnHostResponse> response) {
        return new HostCall(
                (ServerCallStreamObserver<OptimizeNoiseOnHostResponse>) response,
                store,
                sending,
                computing,
                hostTimeout,
                this::attach);
    }

    @Override
    public void findSubjects(FindSubjectsRequest request, StreamObserver<FindSubjectsResponse> response) {
        compute(response, () -> {
            validator.check(request);
            return SubjectSearch.find(request.getPrompt());
        });
    }

    @Override
    public void scoreImages(ScoreImagesRequest request, StreamObserver<ScoreImagesResponse> response) {
        ServerCallStreamObserver<ScoreImagesResponse> call = (ServerCallStreamObserver<ScoreImagesResponse>) response;
        // without one, what is sent on a cancelled call throws
        call.setOnCancelHandler(() -> {});
        try {
            scoring.execute(() -> {
                if (!call.isCancelled()) {
                    answer(call, () -> imageScoring.score(request, call::isCancelled));
                }
            });
        } catch (RejectedExecutionException e) {
            response.onError(Statuses.of(
                    scoring.isShutdown()
                            ? new ShuttingDownException()
                            : BusyException.scoring(scoring.getQueue().size())));
        }
    }

    /** Looks for models and LoRAs only where a search has to run: what is done can be read whatever has become of them. */
    private Attachment attach(OptimizeNoiseRequest request, Runnable wake) {
        String id = id(request);
        Illustrations wanted = Protos.illustrations(request.getOutput());
        Attachment known = searches.reattach(id, Protos.fingerprint(request), wanted, wake);
        if (known != null) {
            return known;
        }
        String backbone = catalog.resolve(request.getBackbone());
        List<String> verifiers = ChosenVerifiers.resolve(request, catalog.verifiers(), family(backbone));
        return searches.attach(Protos.search(request, id, backbone, loras(request), verifiers), wanted, wake);
    }

    /** As {@link #attach(OptimizeNoiseRequest, Runnable)}, on the caller's own model. */
    private Attachment attach(HostStart start, HostExchange exchange, Runnable wake) {
        validator.check(start);
        OptimizeNoiseRequest request = start.getRequest();
        String id = id(request);
        Illustrations wanted = Protos.illustrations(request.getOutput());
        Attachment known = searches.reattach(id, Protos.fingerprint(start), wanted, wake);
        if (known != null) {
            return known;
        }
        List<String> verifiers = ChosenVerifiers.resolve(request, catalog.verifiers(), HOST_FAMILY);
        HostProfile profile = Protos.profile(start);
        int lastToken = request.getPrompt().getSubjectsList().stream()
                .flatMap(subject -> subject.getTokenIndicesList().stream())
                .max(Integer::compare)
                .orElse(-1);
        SearchSpec spec = Protos.search(
                start, id, stopped -> new HostLink(exchange, profile, lastToken, limits, stopped), verifiers);
        return searches.attach(spec, wanted, wake);
    }

    private static String id(OptimizeNoiseRequest request) {
        return request.getSearchId().isEmpty() ? UUID.randomUUID().toString() : request.getSearchId();
    }

    private String family(String backbone) {
        return catalog.list().stream()
                .filter(info -> info.id().equals(backbone))
                .map(BackboneInfo::family)
                .findFirst()
                .orElse("");
    }

    /** By their names in the catalog. */
    private List<String> loras(OptimizeNoiseRequest request) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < request.getLoraCount(); i++) {
            names.add(catalog.resolveLora(
                    "lora[" + i + "].name", request.getLora(i).getName()));
        }
        return names;
    }

    private GetSearchResponse search(String id) {
        // Asked before the store: a search that is stored in between is then found there.
        byte[] unstored = searches.unstoredRequest(id);
        StoredSearch stored = store.search(id);
        if (stored == null && unstored == null) {
            throw Statuses.notFound("search_id: " + Violations.quoted(id) + " (expected: the id of a stored search)");
        }
        try {
            if (stored == null) {
                return GetSearchResponse.newBuilder()
                        .setRequest(OptimizeNoiseRequest.parseFrom(unstored))
                        .setState(SearchState.SEARCH_STATE_RUNNING)
                        .build();
            }
            OptimizeNoiseRequest request = OptimizeNoiseRequest.parseFrom(stored.request());
            GetSearchResponse.Builder response = GetSearchResponse.newBuilder()
                    .setRequest(request)
                    .setState(Protos.state(stored.state()))
                    .setSummary(Summaries.of(store, id, request.getOutput()));
            if (stored.error() != null) {
                response.setError(stored.error());
            }
            return response.build();
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException("search " + id + ": its stored request cannot be read", e);
        }
    }

    /** Answers on the few threads that compute, so that however many such calls there are, streams go on and memory suffices. */
    private <T> void compute(StreamObserver<T> response, Supplier<T> work) {
        execute(response, () -> answer(response, work));
    }

    private <T> void execute(StreamObserver<T> response, Runnable work) {
        try {
            computing.execute(() -> {
                if (!((ServerCallStreamObserver<T>) response).isCancelled()) {
                    work.run();
                }
            });
        } catch (RejectedExecutionException e) {
            response.onError(Statuses.of(new ShuttingDownException()));
        }
    }

    private static <T> void answer(StreamObserver<T> response, Supplier<T> work) {
        T message;
        try {
            message = work.get();
        } catch (RuntimeException | Error e) {
            response.onError(Statuses.of(e));
            return;
        }
        response.onNext(message);
        response.onCompleted();
    }
}
