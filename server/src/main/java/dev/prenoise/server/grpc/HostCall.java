package dev.prenoise.server.grpc;

import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.server.jobs.Attachment;
import dev.prenoise.server.jobs.ShuttingDownException;
import dev.prenoise.server.store.SearchStore;
import dev.prenoise.v1.HostStart;
import dev.prenoise.v1.OptimizeNoiseOnHostRequest;
import dev.prenoise.v1.OptimizeNoiseOnHostRequest.MessageCase;
import dev.prenoise.v1.OptimizeNoiseOnHostResponse;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * One OptimizeNoiseOnHost call: takes what the host sends. Its start begins a search on a thread of those that compute; what follows are
 * answers. Half-closing tells a search that runs to stop, and lets one that is done be read.
 *
 * <p>Threads: gRPC brings messages one after the other; the search is begun on another thread.
 */
final class HostCall implements StreamObserver<OptimizeNoiseOnHostRequest> {
    /** Begins a search, or listens to what there is of it. */
    interface Beginning {
        /**
         * @param wake as for {@link dev.prenoise.server.jobs.Searches#attach}
         */
        Attachment begin(HostStart start, HostExchange exchange, Runnable wake);
    }

    private final SearchStream<OptimizeNoiseOnHostResponse> stream;
    private final HostExchange exchange;
    private final Beginning beginning;
    private final Executor computing;

    /** gRPC's alone. */
    private boolean started;

    // Under this object's lock.
    private @Nullable Attachment search;
    private boolean ended;

    HostCall(
            ServerCallStreamObserver<OptimizeNoiseOnHostResponse> call,
            SearchStore store,
            Executor sending,
            Executor computing,
            Duration timeout,
            Beginning beginning) {
        stream = new SearchStream<>(
                call,
                event ->
                        OptimizeNoiseOnHostResponse.newBuilder().setEvent(event).build(),
                HostCall::inStart,
                store,
                sending);
        exchange = new HostExchange(stream::ask, timeout);
        this.computing = computing;
        this.beginning = beginning;
    }

    /** A search knows its request; here that stands in the start. */
    private static Throwable inStart(Throwable failure) {
        return failure instanceof InvalidFieldException invalid
                ? new InvalidFieldException(HostRules.REQUEST + invalid.field(), invalid.description())
                : failure;
    }

    @Override
    public void onNext(OptimizeNoiseOnHostRequest message) {
        if (started) {
            exchange.receive(message);
            return;
        }
        started = true;
        if (message.getMessageCase() != MessageCase.START) {
            stream.refuse(new InvalidFieldException(
                    "message", message.getMessageCase() + " (expected: start, the first message of a call)"));
            return;
        }
        try {
            computing.execute(() -> begin(message.getStart()));
        } catch (RejectedExecutionException e) {
            stream.refuse(new ShuttingDownException());
        }
    }

    private void begin(HostStart start) {
        try {
            Attachment begun = beginning.begin(start, exchange, stream::wake);
            stream.begin(begun, start.getRequest().getOutput());
            hold(begun);
        } catch (RuntimeException | Error e) {
            stream.refuse(inStart(e));
        }
    }

    private synchronized void hold(Attachment begun) {
        search = begun;
        if (ended) {
            begun.cancel();
        }
    }

    /** The call was cancelled, which the stream hears too. */
    @Override
    public void onError(Throwable failure) {}

    @Override
    public void onCompleted() {
        if (!started) {
            stream.refuse(
                    new InvalidFieldException("start", "not set (expected: set, in the first message of a call)"));
            return;
        }
        synchronized (this) {
            ended = true;
            if (search != null) {
                search.cancel();
            }
        }
    }
}
