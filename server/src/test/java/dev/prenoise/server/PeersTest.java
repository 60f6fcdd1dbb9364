package dev.prenoise.server;

import static dev.prenoise.server.SearchClient.await;
import static dev.prenoise.server.TestSidecar.peerAt;
import static dev.prenoise.server.TestSidecar.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.google.protobuf.ByteString;
import dev.prenoise.server.grpc.Limits;
import dev.prenoise.server.grpc.PeerTarget;
import dev.prenoise.server.ops.ProductVersion;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.AttentionRanking;
import dev.prenoise.v1.Budget;
import dev.prenoise.v1.CandidateBatch;
import dev.prenoise.v1.CandidateEvaluatorGrpc;
import dev.prenoise.v1.CandidatesStart;
import dev.prenoise.v1.DataType;
import dev.prenoise.v1.EvaluateCandidatesRequest;
import dev.prenoise.v1.EvaluateCandidatesResponse;
import dev.prenoise.v1.GetCapabilitiesRequest;
import dev.prenoise.v1.Include;
import dev.prenoise.v1.NoiseProviderGrpc;
import dev.prenoise.v1.NoiseSource;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.Peer;
import dev.prenoise.v1.PeerState;
import dev.prenoise.v1.SearchAlgorithm;
import dev.prenoise.v1.Summary;
import dev.prenoise.v1.Verifier;
import dev.prenoise.v1.WeightsIdentity;
import io.grpc.EquivalentAddressGroup;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.NameResolver;
import io.grpc.NameResolverProvider;
import io.grpc.NameResolverRegistry;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusOr;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** One search on several sidecars, each with a port of its own. */
class PeersTest {
    private static final int MANY = 400;

    /** How long this sidecar's own evaluations are held back, {@link #MANY} times at most, until a peer has come in. */
    private static final long HOLD_MILLIS = 50;

    /** After a first loss; after the next one twice as long. */
    private static final Duration SHORTEST_WAIT = Duration.ofSeconds(1);

    private static SidecarConfig withPeers(TestSidecar... peers) {
        return SidecarConfig.DEFAULT.withPeers(
                Arrays.stream(peers).map(peer -> peerAt(peer.port)).toList());
    }

    private static TestSidecar peer() {
        return TestSidecar.onLoopback(SidecarConfig.DEFAULT);
    }

    /**
     * Its model opens when each peer has been asked for its weights, which is the last before it takes part; its own evaluations wait, a
     * little each, until each peer has done some.
     */
    private static void hold(TestSidecar sidecar, TestSidecar... peers) {
        sidecar.catalog.beforeOpening =
                () -> await(() -> Arrays.stream(peers).allMatch(peer -> peer.catalog.pinned.get() > 0));
        sidecar.catalog.beforeEvaluation = prompt -> {
            if (Arrays.stream(peers).anyMatch(peer -> peer.catalog.evaluations.isEmpty())) {
                Thread.sleep(HOLD_MILLIS);
            }
        };
    }

    private static OptimizeNoiseRequest all(OptimizeNoiseRequest.Builder request) {
        request.getOutputBuilder().setNoise(Include.INCLUDE_ALL).setBest(64);
        return request.build();
    }

    static Stream<Named<OptimizeNoiseRequest>> searches() {
        OptimizeNoiseRequest.Builder twoStage = request(MANY);
        twoStage.getAttentionBuilder().setThen(AttentionLoss.ATTENTION_LOSS_SELF_CROSS);
        OptimizeNoiseRequest.Builder plateau = request(MANY);
        plateau.getBudgetBuilder().setStopOnPlateau(true);
        OptimizeNoiseRequest.Builder ownNoise = verifier(SearchAlgorithm.SEARCH_ALGORITHM_ZERO_ORDER, "bright");
        ownNoise.getNoiseBuilder()
                .setDataType(DataType.DATA_TYPE_FLOAT32)
                .addAllShape(List.of(1L, 4L, 8L, 8L))
                .setData(ByteString.copyFrom(new byte[4 * 8 * 8 * 4 - 4])
                        .concat(ByteString.copyFrom(new byte[] {0, 0, (byte) 0x80, 0x3f})));
        OptimizeNoiseRequest.Builder cascade = request(MANY);
        cascade.getCascadeBuilder()
                .setScreen(AttentionRanking.newBuilder().setLoss(AttentionLoss.ATTENTION_LOSS_CONFORM))
                .getVerifyBuilder()
                .addVerifiers(Verifier.newBuilder().setName("dark"));
        cascade.getBudgetBuilder().setLossEvaluations(200);
        OptimizeNoiseRequest.Builder previews = verifier(SearchAlgorithm.SEARCH_ALGORITHM_RANDOM, "bright");
        previews.getOutputBuilder().setPreview(Include.INCLUDE_BEST);
        return Stream.of(
                named("one loss", request(MANY)),
                named("two losses", twoStage),
                named("stop on plateau", plateau),
                named("random, two verifiers", verifier(SearchAlgorithm.SEARCH_ALGORITHM_RANDOM, "bright", "dark")),
                named("random, with previews", previews),
                named("zero-order", verifier(SearchAlgorithm.SEARCH_ALGORITHM_ZERO_ORDER, "bright")),
                named(
                        "zero-order, then paths",
                        verifier(SearchAlgorithm.SEARCH_ALGORITHM_ZERO_ORDER_THEN_PATHS, "bright")),
                named("zero-order from the host's own noise", ownNoise),
                named("cascade", cascade));
    }

    private static Named<OptimizeNoiseRequest> named(String name, OptimizeNoiseRequest.Builder request) {
        return Named.of(name, all(request));
    }

    private static OptimizeNoiseRequest.Builder verifier(SearchAlgorithm algorithm, String... names) {
        OptimizeNoiseRequest.Builder request = request(0);
        request.setBudget(Budget.newBuilder().setPictures(48))
                .getVerifierBuilder()
                .setAlgorithm(algorithm)
                .setNeighbors(8);
        for (String name : names) {
            request.getVerifierBuilder().addVerifiers(Verifier.newBuilder().setName(name));
        }
        return request;
    }

    private static void assertSame(SearchClient search, SearchClient alone) {
        Summary summary = search.summary();
        Summary expected = alone.summary();
        assertThat(search.candidates()).isEqualTo(alone.candidates());
        assertThat(summary.getBestList()).isEqualTo(expected.getBestList());
        assertThat(summary.getStopReason()).isEqualTo(expected.getStopReason());
        assertThat(summary.getSpent().toBuilder().clearElapsed().clearStage().build())
                .isEqualTo(expected.getSpent().toBuilder()
                        .clearElapsed()
                        .clearStage()
                        .build());
    }

    private static List<String> warnings(SearchClient search) {
        await(() -> !search.messages().isEmpty());
        return search.messages().get(0).getAccepted().getWarningsList();
    }

    @ParameterizedTest
    @MethodSource("searches")
    void search_withPeers_endsAsAloneAndTheyDidSomeOfIt(OptimizeNoiseRequest request) {
        try (TestSidecar first = peer();
                TestSidecar second = peer();
                TestSidecar sidecar = TestSidecar.onLoopback(withPeers(first, second));
                TestSidecar alone = peer()) {
            for (TestSidecar each : List.of(first, second, sidecar, alone)) {
                each.catalog.maxBatch = 2;
            }
            hold(sidecar, first, second);
            SearchClient search = sidecar.search(request);
            assertSame(search, alone.search(request));
            assertThat(warnings(search)).isEmpty();
            assertThat(first.catalog.evaluations).isNotEmpty();
            assertThat(second.catalog.evaluations).isNotEmpty();
        }
    }

    @Test
    void search_peersOfOtherWeightsPrecisionOrBatch_areNotUsedAndSaidToBeSo() {
        try (TestSidecar weights = peer();
                TestSidecar precision = peer();
                TestSidecar batch = peer();
                TestSidecar sidecar = TestSidecar.onLoopback(withPeers(weights, precision, batch));
                TestSidecar alone = peer()) {
            weights.catalog.stamp = "another file";
            precision.catalog.settings = "FLOAT16";
            batch.catalog.maxBatch = 3;
            sidecar.catalog.beforeEvaluation = prompt -> {
                if (batch.catalog.evaluations.isEmpty()) {
                    Thread.sleep(HOLD_MILLIS);
                }
            };
            OptimizeNoiseRequest request = all(request(MANY));
            SearchClient search = sidecar.search(request);
            assertSame(search, alone.search(request));
            assertThat(said(search))
                    .anyMatch(line -> line.startsWith("peer 127.0.0.1:" + weights.port + " is not used: ")
                            && line.contains("the files of \"fake\" are others"))
                    .anyMatch(line -> line.startsWith("peer 127.0.0.1:" + precision.port + " is not used: ")
                            && line.contains("the precision, the card, the configs or the service of \"fake\""))
                    .anyMatch(line -> line.startsWith("peer 127.0.0.1:" + batch.port + " is not used: ")
                            && line.contains("computes 3 candidates at once (expected: 1"));
            assertThat(weights.catalog.evaluations).isEmpty();
            assertThat(precision.catalog.evaluations).isEmpty();
            assertThat(sidecar.client()
                            .getCapabilities(GetCapabilitiesRequest.getDefaultInstance())
                            .getPeersList())
                    .extracting(Peer::getState)
                    .containsOnly(PeerState.PEER_STATE_OTHER);
        }
    }

    @Test
    void search_peerThatTakesPartAndFailsEachTime_isLeftOutAfterAFewTimes() {
        AtomicInteger tries = new AtomicInteger();
        try (TestSidecar peer = peer();
                TestSidecar sidecar = TestSidecar.onLoopback(withPeers(peer));
                TestSidecar alone = peer()) {
            peer.catalog.beforeEvaluation = prompt -> {
                tries.incrementAndGet();
                throw new IllegalStateException("each time");
            };
            sidecar.catalog.beforeEvaluation = prompt -> {
                if (sidecar.client()
                                .getCapabilities(GetCapabilitiesRequest.getDefaultInstance())
                                .getPeers(0)
                                .getState()
                        != PeerState.PEER_STATE_OTHER) {
                    Thread.sleep(HOLD_MILLIS);
                }
            };
            OptimizeNoiseRequest request = all(request(MANY));
            SearchClient search = sidecar.search(request);
            assertSame(search, alone.search(request));
            String address = "peer 127.0.0.1:" + peer.port;
            assertThat(tries).hasValue(3);
            assertThat(said(search))
                    .satisfiesExactly(
                            line -> assertThat(line).startsWith(address + " was lost: INTERNAL, internal error "),
                            line -> assertThat(line)
                                    .startsWith(address + " is not used any more: it was lost 3 times in a row"));
        }
    }

    @Test
    void search_peerThatFailsAfterEachShare_isAskedAfterLongerAndLongerWaits() {
        AtomicInteger shares = new AtomicInteger();
        List<Long> failures = new CopyOnWriteArrayList<>();
        try (TestSidecar peer = peer();
                TestSidecar sidecar = TestSidecar.onLoopback(withPeers(peer));
                TestSidecar alone = peer()) {
            peer.catalog.beforeEvaluation = prompt -> {
                if (shares.incrementAndGet() % 2 == 0) {
                    failures.add(System.nanoTime());
                    throw new IllegalStateException("each second time");
                }
            };
            sidecar.catalog.beforeEvaluation = prompt -> {
                if (failures.size() < 3) {
                    Thread.sleep(HOLD_MILLIS);
                }
            };
            OptimizeNoiseRequest request = all(request(MANY));
            SearchClient search = sidecar.search(request);
            assertSame(search, alone.search(request));
            assertThat(failures).hasSizeGreaterThanOrEqualTo(3);
            assertThat(Duration.ofNanos(failures.get(1) - failures.get(0))).isGreaterThanOrEqualTo(SHORTEST_WAIT);
            assertThat(Duration.ofNanos(failures.get(2) - failures.get(1)))
                    .isGreaterThanOrEqualTo(SHORTEST_WAIT.multipliedBy(2));
            assertThat(said(search)).noneMatch(line -> line.contains("is not used any more"));
        }
    }

    /** What was accepted and the summary say together. */
    private static List<String> said(SearchClient search) {
        List<String> said = new ArrayList<>(search.summary().getWarningsList());
        said.addAll(warnings(search));
        return said;
    }

    @Test
    void search_peerThatHangs_endsAsAlone() throws Exception {
        CountDownLatch hang = new CountDownLatch(1);
        CountDownLatch hanging = new CountDownLatch(1);
        try (TestSidecar peer = peer();
                TestSidecar sidecar = TestSidecar.onLoopback(withPeers(peer).withPeerTimeout(Duration.ofMillis(300)));
                TestSidecar alone = peer()) {
            peer.catalog.beforeEvaluation = prompt -> {
                hanging.countDown();
                hang.await();
            };
            sidecar.catalog.beforeEvaluation = prompt -> {
                if (hanging.getCount() > 0) {
                    Thread.sleep(HOLD_MILLIS);
                }
            };
            OptimizeNoiseRequest request = all(request(MANY));
            SearchClient search = sidecar.search(request);
            assertThat(hanging.await(60, TimeUnit.SECONDS)).isTrue();
            assertSame(search, alone.search(request));
            hang.countDown();
        }
    }

    @Test
    void search_peerThatStopsAndComesBack_endsAsAloneAndTheOneThatCameDidSomeOfIt() {
        try (TestSidecar gone = peer();
                TestSidecar sidecar = TestSidecar.onLoopback(withPeers(gone));
                TestSidecar alone = peer()) {
            List<TestSidecar> back = new ArrayList<>();
            hold(sidecar, gone);
            OptimizeNoiseRequest request = all(request(4 * MANY));
            SearchClient search = sidecar.search(request);
            await(() -> !gone.catalog.evaluations.isEmpty());
            CountDownLatch held = new CountDownLatch(1);
            sidecar.catalog.beforeEvaluation = prompt -> held.await();
            gone.server.close();
            back.add(TestSidecar.onPort(SidecarConfig.DEFAULT.withPort(gone.port)));
            hold(sidecar, back.get(0));
            held.countDown();
            assertSame(search, alone.search(request));
            assertThat(back.get(0).catalog.evaluations).isNotEmpty();
            assertThat(search.summary().getWarningsList())
                    .anyMatch(line -> line.startsWith("peer 127.0.0.1:" + gone.port + " was lost: "));
            back.forEach(TestSidecar::close);
        }
    }

    @Test
    void cancel_whileTheSearchsOwnSidecarIsInALongEvaluation_reachesPeers() {
        CountDownLatch end = new CountDownLatch(1);
        try (TestSidecar peer = peer();
                TestSidecar sidecar = TestSidecar.onLoopback(withPeers(peer))) {
            sidecar.catalog.beforeEvaluation = prompt -> {
                if (peer.catalog.evaluations.isEmpty()) {
                    Thread.sleep(HOLD_MILLIS);
                } else {
                    end.await();
                }
            };
            SearchClient search = sidecar.search(request(100_000).build());
            await(() -> !peer.catalog.evaluations.isEmpty());
            assertThat(peer.catalog.openSessions).hasValue(1);
            search.cancel();
            await(() -> peer.catalog.openSessions.get() == 0);
            assertThat(end.getCount()).isOne();
            end.countDown();
        }
    }

    @Test
    void search_peersInACircleAndItself_doEachCandidateOnce() throws IOException {
        int[] ports = freePorts(2);
        List<PeerTarget> both = List.of(peerAt(ports[0]), peerAt(ports[1]));
        try (TestSidecar first = TestSidecar.onPort(
                        SidecarConfig.DEFAULT.withPort(ports[0]).withPeers(both));
                TestSidecar second = TestSidecar.onPort(
                        SidecarConfig.DEFAULT.withPort(ports[1]).withPeers(both));
                TestSidecar alone = peer()) {
            hold(first, second);
            OptimizeNoiseRequest request = all(request(MANY));
            SearchClient search = first.search(request);
            assertSame(search, alone.search(request));
            assertThat(warnings(search)).isEmpty();
            assertThat(second.catalog.evaluations).isNotEmpty();
            assertThat(first.catalog.openSessions).hasValueLessThan(2);
        }
    }

    @Test
    void search_aNameOfThreeSidecars_asksEachThatHasTheWeights() {
        try (TestSidecar first = peer();
                TestSidecar second = peer();
                TestSidecar other = peer();
                TestSidecar alone = peer()) {
            other.catalog.stamp = "another file";
            Several names = new Several(first.port, other.port, second.port);
            NameResolverRegistry.getDefaultRegistry().register(names);
            PeerTarget name = new PeerTarget(
                    "dns:///sidecars:50551",
                    true,
                    () -> Grpc.newChannelBuilder("several:///sidecars", InsecureChannelCredentials.create()));
            try (TestSidecar sidecar = TestSidecar.onLoopback(SidecarConfig.DEFAULT.withPeers(List.of(name)))) {
                hold(sidecar, first, second);
                OptimizeNoiseRequest request = all(request(MANY));
                SearchClient search = sidecar.search(request);
                assertSame(search, alone.search(request));
                assertThat(first.catalog.evaluations).isNotEmpty();
                assertThat(second.catalog.evaluations).isNotEmpty();
                assertThat(other.catalog.evaluations).isEmpty();
                assertThat(said(search)).anyMatch(line -> line.startsWith("peer dns:///sidecars:50551 is not used: "));
            } finally {
                NameResolverRegistry.getDefaultRegistry().deregister(names);
            }
        }
    }

    /** A name server's answer. */
    private static final class Several extends NameResolverProvider {
        private final List<EquivalentAddressGroup> addresses;

        Several(Integer... ports) {
            addresses = Arrays.stream(ports)
                    .map(port -> new EquivalentAddressGroup(new InetSocketAddress("127.0.0.1", port)))
                    .toList();
        }

        @Override
        protected boolean isAvailable() {
            return true;
        }

        @Override
        protected int priority() {
            return 5;
        }

        @Override
        public String getDefaultScheme() {
            return "several";
        }

        @Override
        public NameResolver newNameResolver(URI target, NameResolver.Args args) {
            return new NameResolver() {
                @Override
                public String getServiceAuthority() {
                    return "sidecars";
                }

                @Override
                public void start(Listener2 listener) {
                    listener.onResult(ResolutionResult.newBuilder()
                            .setAddressesOrError(StatusOr.fromValue(addresses))
                            .build());
                }

                @Override
                public void shutdown() {}
            };
        }
    }

    private static int[] freePorts(int count) throws IOException {
        int[] ports = new int[count];
        List<ServerSocket> sockets = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            sockets.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
            ports[i] = sockets.get(i).getLocalPort();
        }
        for (ServerSocket socket : sockets) {
            socket.close();
        }
        return ports;
    }

    @Test
    void search_peersThatAreNotThereOrKnowNothingOfIt_saysSo() throws IOException {
        int nobody = freePorts(1)[0];
        HealthStatusManager health = new HealthStatusManager();
        health.setStatus(NoiseProviderGrpc.SERVICE_NAME, ServingStatus.SERVING);
        Server old = NettyServerBuilder.forAddress(
                        new InetSocketAddress("127.0.0.1", 0), InsecureServerCredentials.create())
                .addService(health.getHealthService())
                .build()
                .start();
        SidecarConfig config = SidecarConfig.DEFAULT.withPeers(List.of(peerAt(nobody), peerAt(old.getPort())));
        try (TestSidecar sidecar = TestSidecar.onLoopback(config)) {
            SearchClient search = sidecar.search(request(4).build());
            assertThat(search.summary().getBestCount()).isOne();
            assertThat(said(search))
                    .anyMatch(line -> line.equals(
                            "peer 127.0.0.1:" + nobody + " is not used as long as it is not reached or not serving"))
                    .anyMatch(line -> line.startsWith(
                            "peer 127.0.0.1:" + old.getPort() + " is not used: it is of another version"));
            assertThat(sidecar.client()
                            .getCapabilities(GetCapabilitiesRequest.getDefaultInstance())
                            .getPeersList())
                    .extracting(Peer::getAddress, Peer::getState)
                    .containsExactly(
                            tuple("127.0.0.1:" + nobody, PeerState.PEER_STATE_NOT_SERVING),
                            tuple("127.0.0.1:" + old.getPort(), PeerState.PEER_STATE_OTHER));
        } finally {
            old.shutdownNow();
        }
    }

    @Test
    void evaluateCandidates_startOfAnotherVersionOrDevice_isRefusedBeforeAnyWork() throws Exception {
        try (TestSidecar peer = peer()) {
            CandidatesStart start = CandidatesStart.newBuilder()
                    .setRequest(request(4))
                    .setVersion(ProductVersion.get())
                    .setDevice("cpu")
                    .setInstance("another")
                    .build();
            assertThat(refusal(peer, start.toBuilder().setVersion("0.0.1").build()))
                    .isEqualTo("start.version: \"0.0.1\" (expected: \"" + ProductVersion.get() + "\")");
            assertThat(refusal(peer, start.toBuilder().setDevice("cuda").build()))
                    .isEqualTo("start.device: \"cuda\" (expected: \"cpu\")");
            assertThat(refusal(peer, start)).isEqualTo("the files of \"fake\" are others (expected: the same files)");
            assertThat(peer.catalog.openSessions).hasValue(0);
        }
    }

    private static String refusal(TestSidecar peer, CandidatesStart start) throws Exception {
        Status status = new Asked(peer, start).end.get(60, TimeUnit.SECONDS);
        assertThat(status.getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        return String.valueOf(status.getDescription());
    }

    /** What a sidecar on the fake backbone asks of another first. */
    private static CandidatesStart start() {
        return CandidatesStart.newBuilder()
                .setRequest(request(4).setBackbone(FakeCatalog.ID))
                .setVersion(ProductVersion.get())
                .setDevice("cpu")
                .setInstance("another")
                .addWeights(WeightsIdentity.newBuilder()
                        .setName(FakeCatalog.ID)
                        .setBytes(1000)
                        .setStamp("as it was")
                        .setSettings("FLOAT32"))
                .build();
    }

    /** A call to a sidecar as another makes it. */
    private static final class Asked implements StreamObserver<EvaluateCandidatesResponse> {
        private final List<EvaluateCandidatesResponse> answers = new CopyOnWriteArrayList<>();
        private final CompletableFuture<Status> end = new CompletableFuture<>();
        private final StreamObserver<EvaluateCandidatesRequest> call;

        Asked(TestSidecar peer, CandidatesStart start) {
            call = CandidateEvaluatorGrpc.newStub(peer.channel).evaluateCandidates(this);
            call.onNext(EvaluateCandidatesRequest.newBuilder().setStart(start).build());
        }

        /** A batch. */
        void send(int noises) {
            CandidateBatch.Builder batch = CandidateBatch.newBuilder().setBatchId(1);
            for (int i = 0; i < noises; i++) {
                batch.addNoiseBuilder()
                        .getRecipeBuilder()
                        .setSeed(i)
                        .setSource(NoiseSource.NOISE_SOURCE_TORCH_CPU)
                        .addAllShape(List.of(1L, 4L, 8L, 8L));
            }
            call.onNext(EvaluateCandidatesRequest.newBuilder().setBatch(batch).build());
        }

        void awaitReady() {
            await(() -> !answers.isEmpty() || end.isDone());
            assertThat(answers).singleElement().matches(EvaluateCandidatesResponse::hasReady);
        }

        @Override
        public void onNext(EvaluateCandidatesResponse message) {
            answers.add(message);
        }

        @Override
        public void onError(Throwable failure) {
            end.complete(Status.fromThrowable(failure));
        }

        @Override
        public void onCompleted() {
            end.complete(Status.OK);
        }
    }

    @Test
    void evaluateCandidates_moreCallsThanSearchesAtOnce_waitForOneToEnd() throws Exception {
        try (TestSidecar peer = TestSidecar.onLoopback(SidecarConfig.DEFAULT.withLimits(limits(1)))) {
            Asked first = new Asked(peer, start());
            first.awaitReady();
            Status second = new Asked(peer, start()).end.get(60, TimeUnit.SECONDS);
            assertThat(second.getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
            first.call.onCompleted();
            assertThat(first.end.get(60, TimeUnit.SECONDS)).isEqualTo(Status.OK);
            new Asked(peer, start()).awaitReady();
        }
    }

    private static Limits limits(int searches) {
        Limits most = Limits.DEFAULT;
        return new Limits(
                most.maxMessageBytes(),
                most.maxSide(),
                most.maxSteps(),
                most.maxLossEvaluations(),
                most.maxFunctionEvaluations(),
                most.maxWallTime(),
                most.maxPromptLength(),
                most.maxSubjects(),
                most.maxRecipes(),
                most.maxNoiseValues(),
                searches,
                most.maxVerifiers(),
                most.maxImages(),
                most.maxImagePixels());
    }

    @Test
    void evaluateCandidates_nothingAskedForLong_ends() throws Exception {
        SidecarConfig impatient = SidecarConfig.DEFAULT.withPeerTimeout(Duration.ofMillis(500));
        try (TestSidecar peer = TestSidecar.onLoopback(impatient)) {
            Asked asked = new Asked(peer, start());
            assertThat(asked.end.get(60, TimeUnit.SECONDS)).isEqualTo(Status.OK);
            asked.awaitReady();
        }
    }

    @Test
    void search_peerThatEndsIdleCalls_getsSharesAgainWithoutAWarning() {
        try (TestSidecar peer = TestSidecar.onLoopback(SidecarConfig.DEFAULT.withPeerTimeout(Duration.ofMillis(500)));
                TestSidecar sidecar = TestSidecar.onLoopback(withPeers(peer));
                TestSidecar alone = peer()) {
            // it is asked while the model opens here, which takes longer than it waits
            sidecar.catalog.beforeOpening = () -> await(() -> peer.catalog.pinned.get() > 1);
            sidecar.catalog.beforeEvaluation = prompt -> {
                if (peer.catalog.evaluations.isEmpty()) {
                    Thread.sleep(HOLD_MILLIS);
                }
            };
            OptimizeNoiseRequest request = all(request(MANY));
            SearchClient search = sidecar.search(request);
            assertSame(search, alone.search(request));
            assertThat(said(search)).isEmpty();
            assertThat(peer.catalog.evaluations).isNotEmpty();
        }
    }

    @Test
    void evaluateCandidates_batchHalvedWhileItIsComputed_saysTheSmallerSize() {
        try (TestSidecar peer = peer()) {
            peer.catalog.maxBatch = 4;
            peer.catalog.beforeEvaluation = prompt -> peer.catalog.maxBatch = 2;
            Asked asked = new Asked(peer, start());
            asked.awaitReady();
            asked.send(4);
            await(() -> asked.answers.size() > 1 || asked.end.isDone());
            assertThat(asked.answers).hasSize(2);
            assertThat(asked.answers.get(1).getAnswer().getScoresCount()).isEqualTo(4);
            assertThat(asked.answers.get(1).getAnswer().getBatchSize()).isEqualTo(2);
        }
    }

    @Test
    void evaluateCandidates_moreNoisesThanAreComputedAtOnce_areRefused() throws Exception {
        try (TestSidecar peer = peer()) {
            Asked asked = new Asked(peer, start());
            asked.awaitReady();
            asked.send(2);
            Status status = asked.end.get(60, TimeUnit.SECONDS);
            assertThat(status.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
            assertThat(status.getDescription())
                    .contains("batch.noise: 2 of them (expected: 1 to 1, as many as are computed here at once)");
            assertThat(peer.catalog.evaluations).isEmpty();
        }
    }
}
