package dev.prenoise.server;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import dev.prenoise.server.grpc.PeerTarget;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.server.ops.SidecarServer;
import dev.prenoise.server.ops.StartException;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.AttentionRanking;
import dev.prenoise.v1.Budget;
import dev.prenoise.v1.GetSearchRequest;
import dev.prenoise.v1.GetSearchResponse;
import dev.prenoise.v1.NoiseProviderGrpc;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.Prompt;
import dev.prenoise.v1.SearchState;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.List;

/** A sidecar on the fake backbone with a client to it. */
public final class TestSidecar implements AutoCloseable {
    private static final Duration PORT_PATIENCE = Duration.ofSeconds(30);
    private static final long PORT_PAUSE_MILLIS = 50;

    public final FakeCatalog catalog;
    public final SidecarServer server;
    public final ManagedChannel channel;

    /** 0 where it is in-process. */
    public final int port;

    private TestSidecar(FakeCatalog catalog, SidecarServer server, ManagedChannel channel, int port) {
        this.catalog = catalog;
        this.server = server;
        this.channel = channel;
        this.port = port;
    }

    public static TestSidecar inProcess(SidecarConfig config) {
        FakeCatalog catalog = new FakeCatalog();
        SidecarServer server = new SidecarServer(config, catalog);
        return new TestSidecar(catalog, server, server.startInProcess(), 0);
    }

    public static TestSidecar onLoopback(SidecarConfig config) {
        return onPort(config.withPort(0));
    }

    /** On the configured one. A connection of somebody else may have that number as its own for a while. */
    public static TestSidecar onPort(SidecarConfig config) {
        long end = System.nanoTime() + PORT_PATIENCE.toNanos();
        while (true) {
            FakeCatalog catalog = new FakeCatalog();
            SidecarServer server = new SidecarServer(config, catalog);
            try {
                int port = server.start();
                return new TestSidecar(catalog, server, connect(port), port);
            } catch (StartException e) {
                if (!String.valueOf(e.getMessage()).contains("in use") || System.nanoTime() - end >= 0) {
                    throw e;
                }
            }
            try {
                Thread.sleep(PORT_PAUSE_MILLIS);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    public static ManagedChannel connect(int port) {
        return Grpc.newChannelBuilderForAddress("127.0.0.1", port, InsecureChannelCredentials.create())
                .maxInboundMessageSize(64 << 20)
                .build();
    }

    /** One that listens there. */
    public static PeerTarget peerAt(int port) {
        return new PeerTarget(
                "127.0.0.1:" + port,
                false,
                () -> Grpc.newChannelBuilderForAddress("127.0.0.1", port, InsecureChannelCredentials.create()));
    }

    public NoiseProviderGrpc.NoiseProviderBlockingStub client() {
        return NoiseProviderGrpc.newBlockingStub(channel);
    }

    /** Starts a search whose messages are taken as they come. */
    public SearchClient search(OptimizeNoiseRequest request) {
        return SearchClient.start(channel, request);
    }

    public GetSearchResponse stored(String id) {
        return client().getSearch(GetSearchRequest.newBuilder().setSearchId(id).build());
    }

    /** Of a search that may not have arrived yet. */
    public SearchState state(String id) {
        try {
            return stored(id).getState();
        } catch (StatusRuntimeException e) {
            if (e.getStatus().getCode() != Status.Code.NOT_FOUND) {
                throw e;
            }
            return SearchState.SEARCH_STATE_UNSPECIFIED;
        }
    }

    public void awaitState(String id, SearchState state) {
        SearchClient.await(() -> state(id) == state);
    }

    /** Ranks by InitNO's loss on the prompt "a cat and a frog". */
    public static OptimizeNoiseRequest.Builder request(int lossEvaluations) {
        return OptimizeNoiseRequest.newBuilder()
                .setPrompt(Prompt.newBuilder().setText("a cat and a frog"))
                .setSeed(7)
                .setAttention(AttentionRanking.newBuilder().setLoss(AttentionLoss.ATTENTION_LOSS_INITNO))
                .setBudget(Budget.newBuilder().setLossEvaluations(lossEvaluations));
    }

    public static List<BadRequest.FieldViolation> violations(StatusRuntimeException e) {
        try {
            return StatusProto.fromThrowable(e)
                    .getDetails(0)
                    .unpack(BadRequest.class)
                    .getFieldViolationsList();
        } catch (InvalidProtocolBufferException unexpected) {
            throw new AssertionError(unexpected);
        }
    }

    @Override
    public void close() {
        channel.shutdownNow();
        server.close();
    }
}
