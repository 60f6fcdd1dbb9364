package dev.prenoise.server.ops;

import static dev.prenoise.server.TestSidecar.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.server.FakeCatalog;
import dev.prenoise.server.SearchClient;
import dev.prenoise.server.TestSidecar;
import dev.prenoise.v1.GetCapabilitiesRequest;
import dev.prenoise.v1.GetCapabilitiesResponse;
import dev.prenoise.v1.NoiseProviderGrpc;
import dev.prenoise.v1.SearchState;
import io.grpc.CallCredentials;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.TlsChannelCredentials;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SidecarServerTest {
    private static final String TOKEN = "a token of some length";
    private static final SidecarConfig.Tls TLS = new SidecarConfig.Tls(
            Path.of("src/test/resources/tls/cert.pem"), Path.of("src/test/resources/tls/key.pem"));
    private static final SidecarConfig ANY_PORT = SidecarConfig.DEFAULT.withPort(0);

    @TempDir
    Path folder;

    private static void assertRefused(SidecarConfig config, String message) {
        try (SidecarServer server = new SidecarServer(config, new FakeCatalog())) {
            assertThatThrownBy(server::start).isInstanceOf(StartException.class).hasMessage(message);
        }
    }

    @Test
    void capabilities_sayWhatThereIs() {
        try (TestSidecar sidecar = TestSidecar.onLoopback(SidecarConfig.DEFAULT)) {
            GetCapabilitiesResponse capabilities =
                    sidecar.client().getCapabilities(GetCapabilitiesRequest.getDefaultInstance());

            assertThat(capabilities.getVersion()).matches("\\d+\\.\\d+\\.\\d+.*");
            assertThat(capabilities.getDevices(0).getName()).isEqualTo("cpu");
            assertThat(capabilities.getBackbonesList())
                    .extracting(backbone -> backbone.getId())
                    .containsExactly("fake", "other");
            assertThat(capabilities.getDefaultBackbone()).isEqualTo("fake");
            assertThat(capabilities.getLossesCount()).isEqualTo(4);
            assertThat(capabilities.getLimits().getLossEvaluations()).isEqualTo(100_000);
            assertThat(sidecar.catalog.threads).as("nothing is loaded for it").isEmpty();
        }
    }

    @Test
    void inProcess_isTheSameService() {
        try (TestSidecar sidecar = TestSidecar.inProcess(SidecarConfig.DEFAULT)) {
            assertThat(sidecar.search(request(2).build()).summary().getBestCount())
                    .isEqualTo(1);
        }
    }

    @Test
    void start_onAnotherAddress_needsTlsAndAToken() {
        String expected = " (expected: a loopback address, or a TLS certificate, its key and a token)";
        SidecarConfig open = ANY_PORT.withHost("0.0.0.0");
        assertRefused(open, "host: 0.0.0.0 without TLS and a token" + expected);
        assertRefused(open.withTls(TLS), "host: 0.0.0.0 without a token" + expected);
        assertRefused(open.withToken(TOKEN), "host: 0.0.0.0 without TLS" + expected);
        try (SidecarServer server = new SidecarServer(open.withTls(TLS).withToken(TOKEN), new FakeCatalog())) {
            assertThat(server.start()).isPositive();
        }
    }

    @Test
    void start_withWhatCannotWork_saysItInOneLine() throws IOException {
        assertRefused(ANY_PORT.withToken("short"), "token: 5 characters (expected: at least 16)");
        assertRefused(
                ANY_PORT.withHost("no.such.host.invalid"),
                "host: no.such.host.invalid (expected: an address of this machine)");
        Path missing = folder.resolve("none.pem");
        assertRefused(
                ANY_PORT.withTls(new SidecarConfig.Tls(missing, TLS.key())),
                "TLS certificate: " + missing + " (expected: a readable PEM file)");
        Path file = Files.writeString(folder.resolve("file"), "");
        assertRefused(ANY_PORT.withDataDir(file), "data: " + file + " is a file (expected: a folder)");
        Path noPem = Files.writeString(folder.resolve("no.pem"), "hello");
        try (SidecarServer server =
                new SidecarServer(ANY_PORT.withTls(new SidecarConfig.Tls(noPem, TLS.key())), new FakeCatalog())) {
            assertThatThrownBy(server::start)
                    .isInstanceOf(StartException.class)
                    .hasMessageStartingWith("TLS certificate " + noPem + " and key ");
        }
    }

    @Test
    void start_onATakenPort_saysSoAndLetsGoOfTheFolder() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
            SidecarConfig config =
                    SidecarConfig.DEFAULT.withPort(taken.getLocalPort()).withDataDir(folder);
            assertRefused(config, "cannot listen on 127.0.0.1:" + taken.getLocalPort() + " (Address already in use)");
        }
        try (SidecarServer server = new SidecarServer(ANY_PORT.withDataDir(folder), new FakeCatalog())) {
            assertThat(server.start()).isPositive();
        }
    }

    @Test
    void start_onAFolderInUse_refuses() {
        try (SidecarServer first = new SidecarServer(ANY_PORT.withDataDir(folder), new FakeCatalog())) {
            first.start();
            assertRefused(
                    ANY_PORT.withDataDir(folder),
                    "data: " + folder
                            + " is in use by another prenoise process (expected: a folder of its own for each)");
        }
    }

    @Test
    void tlsAndToken_letInWhoHasBoth() throws Exception {
        SidecarConfig config =
                SidecarConfig.DEFAULT.withTls(TLS).withToken(TOKEN).withPort(0);
        try (SidecarServer server = new SidecarServer(config, new FakeCatalog())) {
            ChannelCredentials trust = TlsChannelCredentials.newBuilder()
                    .trustManager(TLS.certificate().toFile())
                    .build();
            ManagedChannel channel = Grpc.newChannelBuilderForAddress("localhost", server.start(), trust)
                    .build();
            try {
                var client = NoiseProviderGrpc.newBlockingStub(channel);
                var request = GetCapabilitiesRequest.getDefaultInstance();
                assertThatThrownBy(() -> client.getCapabilities(request))
                        .hasMessage("UNAUTHENTICATED: authorization: missing or wrong (expected: Bearer TOKEN)");
                for (String wrong : new String[] {TOKEN, "Bearer " + TOKEN + "x", "Bearer ", "Basic " + TOKEN}) {
                    assertThatThrownBy(() -> client.withCallCredentials(authorization(wrong))
                                    .getCapabilities(request))
                            .hasMessageStartingWith("UNAUTHENTICATED");
                }
                assertThat(client.withCallCredentials(authorization("Bearer " + TOKEN))
                                .getCapabilities(request)
                                .getDefaultBackbone())
                        .isEqualTo("fake");
                assertThat(health(channel, "")).as("health needs no token").isEqualTo(ServingStatus.SERVING);
            } finally {
                channel.shutdownNow();
            }
        }
    }

    private static CallCredentials authorization(String value) {
        return new CallCredentials() {
            @Override
            public void applyRequestMetadata(RequestInfo info, Executor executor, MetadataApplier applier) {
                Metadata headers = new Metadata();
                headers.put(TokenInterceptor.AUTHORIZATION, value);
                applier.apply(headers);
            }
        };
    }

    private static ServingStatus health(ManagedChannel channel, String service) {
        HealthCheckResponse response = HealthGrpc.newBlockingStub(channel)
                .check(HealthCheckRequest.newBuilder().setService(service).build());
        return response.getStatus();
    }

    @Test
    void health_servesUntilTheDrain() throws Exception {
        Semaphore turns = new Semaphore(0);
        try (TestSidecar sidecar = TestSidecar.onLoopback(SidecarConfig.DEFAULT.withGrace(Duration.ofSeconds(30)))) {
            assertThat(health(sidecar.channel, "")).isEqualTo(ServingStatus.SERVING);
            assertThat(health(sidecar.channel, NoiseProviderGrpc.SERVICE_NAME)).isEqualTo(ServingStatus.SERVING);

            sidecar.catalog.beforeEvaluation = prompt -> turns.acquire();
            SearchClient search = sidecar.search(request(4).build());
            turns.release(1);
            search.awaitCandidates(1);
            Thread drain = new Thread(sidecar.server::close);
            drain.start();
            SearchClient.await(() -> health(sidecar.channel, "") == ServingStatus.NOT_SERVING);
            assertThat(health(sidecar.channel, NoiseProviderGrpc.SERVICE_NAME)).isEqualTo(ServingStatus.NOT_SERVING);
            SearchClient.await(() -> {
                SearchClient refused = sidecar.search(request(1).build());
                return refused.status().getCode() == Status.Code.UNAVAILABLE;
            });

            turns.release(3);
            assertThat(search.summary().getSpent().getLossEvaluations())
                    .as("a running search ends within the grace time")
                    .isEqualTo(4);
            drain.join();
        }
    }

    @Test
    void drain_pastTheGraceTime_storesTheSearchWhereItIs() {
        SidecarConfig config =
                SidecarConfig.DEFAULT.withGrace(Duration.ofMillis(50)).withDataDir(folder);
        SearchClient search;
        try (TestSidecar sidecar = TestSidecar.onLoopback(config)) {
            sidecar.catalog.beforeEvaluation = prompt -> Thread.sleep(5);
            search = sidecar.search(request(10_000).setSearchId("s").build());
            search.awaitCandidates(3);
            sidecar.server.close();
            assertThat(search.failure())
                    .hasMessage("UNAVAILABLE: the sidecar is shutting down;"
                            + " send the request again with search_id \"s\" to go on from here");
            assertThat(sidecar.catalog.openSessions).hasValue(0);
        }
        try (TestSidecar sidecar = TestSidecar.onLoopback(config)) {
            assertThat(sidecar.stored("s").getState()).isEqualTo(SearchState.SEARCH_STATE_INTERRUPTED);
            assertThat(sidecar.stored("s").getSummary().getSpent().getLossEvaluations())
                    .isGreaterThanOrEqualTo(search.candidates().size());
        }
    }

    @Test
    void reflection_listsTheServices() throws Exception {
        try (TestSidecar sidecar = TestSidecar.onLoopback(SidecarConfig.DEFAULT)) {
            CompletableFuture<ServerReflectionResponse> answer = new CompletableFuture<>();
            StreamObserver<ServerReflectionRequest> ask = ServerReflectionGrpc.newStub(sidecar.channel)
                    .serverReflectionInfo(new StreamObserver<>() {
                        @Override
                        public void onNext(ServerReflectionResponse response) {
                            answer.complete(response);
                        }

                        @Override
                        public void onError(Throwable t) {
                            answer.completeExceptionally(t);
                        }

                        @Override
                        public void onCompleted() {}
                    });
            ask.onNext(ServerReflectionRequest.newBuilder().setListServices("").build());
            assertThat(answer.get(20, TimeUnit.SECONDS)
                            .getListServicesResponse()
                            .getServiceList())
                    .extracting(service -> service.getName())
                    .contains("prenoise.v1.NoiseProvider", "grpc.health.v1.Health");
            ask.onCompleted();
        }
    }

    @Test
    void start_withKeep_deletesOldSearches(@TempDir Path data) throws Exception {
        SidecarConfig config = SidecarConfig.DEFAULT.withDataDir(data);
        try (TestSidecar first = TestSidecar.inProcess(config)) {
            first.search(request(1).setSearchId("old").build()).summary();
        }
        Thread.sleep(20);
        try (TestSidecar second = TestSidecar.inProcess(config.withKeep(Duration.ofDays(1)))) {
            assertThat(second.state("old")).isEqualTo(SearchState.SEARCH_STATE_DONE);
        }
        try (TestSidecar third = TestSidecar.inProcess(config.withKeep(Duration.ofMillis(1)))) {
            SearchClient.await(() -> third.state("old") == SearchState.SEARCH_STATE_UNSPECIFIED);
        }
    }
}
