package dev.prenoise.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.v1.Candidate;
import dev.prenoise.v1.HostStart;
import dev.prenoise.v1.NoiseProviderGrpc;
import dev.prenoise.v1.OptimizeNoiseOnHostRequest;
import dev.prenoise.v1.OptimizeNoiseOnHostResponse;
import dev.prenoise.v1.OptimizeNoiseResponse;
import dev.prenoise.v1.Summary;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** One OptimizeNoiseOnHost call. Questions are answered on a thread of its own, as a host's model belongs to one. */
public final class HostClient {
    private static final int PATIENCE_SECONDS = 120;

    private final ClientCall<OptimizeNoiseOnHostRequest, OptimizeNoiseOnHostResponse> call;
    private final Answering answering;
    private final ExecutorService model = Executors.newSingleThreadExecutor(runnable -> {
        Thread thread = new Thread(runnable, "test-host");
        thread.setDaemon(true);
        return thread;
    });
    private final List<OptimizeNoiseOnHostResponse> messages = new CopyOnWriteArrayList<>();
    private final CountDownLatch closed = new CountDownLatch(1);
    private volatile Status status = Status.UNKNOWN;
    private volatile Metadata trailers = new Metadata();

    /** What a host answers. */
    public interface Answering {
        /** Null = nothing. */
        @Nullable
        OptimizeNoiseOnHostRequest answer(OptimizeNoiseOnHostResponse question) throws InterruptedException;
    }

    private HostClient(ClientCall<OptimizeNoiseOnHostRequest, OptimizeNoiseOnHostResponse> call, Answering answering) {
        this.call = call;
        this.answering = answering;
    }

    public static HostClient start(Channel channel, HostStart start, Answering answering) {
        HostClient client = open(channel, answering, Integer.MAX_VALUE);
        client.send(OptimizeNoiseOnHostRequest.newBuilder().setStart(start).build());
        return client;
    }

    /**
     * Without a start.
     *
     * @param messages how many to read until {@link #read} is called
     */
    public static HostClient open(Channel channel, Answering answering, int messages) {
        HostClient client = new HostClient(
                channel.newCall(NoiseProviderGrpc.getOptimizeNoiseOnHostMethod(), CallOptions.DEFAULT), answering);
        client.call.start(client.new Listener(), new Metadata());
        if (messages > 0) {
            client.call.request(messages);
        }
        return client;
    }

    public void send(OptimizeNoiseOnHostRequest message) {
        call.sendMessage(message);
    }

    public void read(int more) {
        call.request(more);
    }

    public void halfClose() {
        call.halfClose();
    }

    public void cancel() {
        call.cancel("the test cancels", null);
    }

    public List<OptimizeNoiseOnHostResponse> messages() {
        return messages;
    }

    public List<OptimizeNoiseOnHostResponse> questions() {
        return messages.stream().filter(message -> !message.hasEvent()).toList();
    }

    public List<OptimizeNoiseResponse> events() {
        return messages.stream()
                .filter(OptimizeNoiseOnHostResponse::hasEvent)
                .map(OptimizeNoiseOnHostResponse::getEvent)
                .toList();
    }

    public List<Candidate> candidates() {
        return events().stream()
                .filter(OptimizeNoiseResponse::hasCandidate)
                .map(OptimizeNoiseResponse::getCandidate)
                .toList();
    }

    /** The end of a search that went well. */
    public Summary summary() {
        Status how = status();
        assertThat(how.isOk()).as(how.toString()).isTrue();
        return messages.get(messages.size() - 1).getEvent().getSummary();
    }

    public StatusRuntimeException failure() {
        assertThat(status().isOk()).isFalse();
        return new StatusRuntimeException(status, trailers);
    }

    public Status status() {
        try {
            assertThat(closed.await(PATIENCE_SECONDS, TimeUnit.SECONDS))
                    .as("the call ends")
                    .isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        return status;
    }

    private void answer(OptimizeNoiseOnHostResponse question) {
        try {
            OptimizeNoiseOnHostRequest answer = answering.answer(question);
            if (answer != null) {
                send(answer);
            }
        } catch (InterruptedException e) {
            // the call is over
        } catch (RuntimeException | Error e) {
            call.cancel("the test's host failed", e);
        }
    }

    private final class Listener extends ClientCall.Listener<OptimizeNoiseOnHostResponse> {
        @Override
        public void onMessage(OptimizeNoiseOnHostResponse message) {
            messages.add(message);
            if (!message.hasEvent()) {
                model.execute(() -> answer(message));
            }
        }

        @Override
        public void onClose(Status how, Metadata last) {
            status = how;
            trailers = last;
            model.shutdownNow();
            closed.countDown();
        }
    }
}
