package dev.prenoise.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.v1.Candidate;
import dev.prenoise.v1.NoiseProviderGrpc;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.OptimizeNoiseResponse;
import dev.prenoise.v1.OptimizeNoiseResponse.EventCase;
import dev.prenoise.v1.Summary;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** One OptimizeNoise call, with its flow control in the test's hands. */
public final class SearchClient {
    private static final Duration PATIENCE = Duration.ofSeconds(120);

    private final ClientCall<OptimizeNoiseRequest, OptimizeNoiseResponse> call;
    private final List<OptimizeNoiseResponse> messages = new CopyOnWriteArrayList<>();
    private final CountDownLatch closed = new CountDownLatch(1);
    private volatile Status status = Status.UNKNOWN;
    private volatile Metadata trailers = new Metadata();

    private SearchClient(ClientCall<OptimizeNoiseRequest, OptimizeNoiseResponse> call) {
        this.call = call;
    }

    /** Reads everything as it comes. */
    public static SearchClient start(Channel channel, OptimizeNoiseRequest request) {
        return start(channel, request, CallOptions.DEFAULT, Integer.MAX_VALUE);
    }

    /**
     * @param messages how many to read until {@link #read} is called
     */
    public static SearchClient start(Channel channel, OptimizeNoiseRequest request, CallOptions options, int messages) {
        SearchClient client = new SearchClient(channel.newCall(NoiseProviderGrpc.getOptimizeNoiseMethod(), options));
        client.call.start(client.new Listener(), new Metadata());
        if (messages > 0) {
            client.call.request(messages);
        }
        client.call.sendMessage(request);
        client.call.halfClose();
        return client;
    }

    public void read(int more) {
        call.request(more);
    }

    public void cancel() {
        call.cancel("the test cancels", null);
    }

    public List<OptimizeNoiseResponse> messages() {
        return messages;
    }

    public List<EventCase> events() {
        return messages.stream().map(OptimizeNoiseResponse::getEventCase).toList();
    }

    public List<Candidate> candidates() {
        return messages.stream()
                .filter(OptimizeNoiseResponse::hasCandidate)
                .map(OptimizeNoiseResponse::getCandidate)
                .toList();
    }

    public void awaitCandidates(int count) {
        await(() -> candidates().size() >= count);
    }

    /** The end of a search that went well. */
    public Summary summary() {
        Status how = status();
        assertThat(how.isOk()).as(how.toString()).isTrue();
        return messages.get(messages.size() - 1).getSummary();
    }

    public StatusRuntimeException failure() {
        assertThat(status().isOk()).isFalse();
        return new StatusRuntimeException(status, trailers);
    }

    public Status status() {
        try {
            assertThat(closed.await(PATIENCE.toSeconds(), TimeUnit.SECONDS))
                    .as("the call ends")
                    .isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        return status;
    }

    public static void await(BooleanSupplier condition) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("the condition holds in time").isLessThan(end);
            try {
                Thread.sleep(2);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    private final class Listener extends ClientCall.Listener<OptimizeNoiseResponse> {
        @Override
        public void onMessage(OptimizeNoiseResponse message) {
            messages.add(message);
        }

        @Override
        public void onClose(Status how, Metadata last) {
            status = how;
            trailers = last;
            closed.countDown();
        }
    }
}
