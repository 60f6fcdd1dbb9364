package dev.prenoise.server.grpc;

import dev.prenoise.server.jobs.Attachment;
import dev.prenoise.server.jobs.Include;
import dev.prenoise.server.jobs.Progress;
import dev.prenoise.server.jobs.SearchEnd;
import dev.prenoise.server.store.Acceptance;
import dev.prenoise.server.store.SearchStore;
import dev.prenoise.server.store.StoredCandidate;
import dev.prenoise.server.store.StoredSearch;
import dev.prenoise.v1.OptimizeNoiseResponse;
import dev.prenoise.v1.Output;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Carries one search to one caller, at the caller's pace. It holds a cursor, not candidates: while the caller does not read, nothing is
 * built and nothing piles up; when it reads again, every candidate follows in order from the store, and of the progress only the latest.
 *
 * <p>Threads: the search's thread and gRPC's both only {@link #wake()}, which returns at once. One thread at a time, of the executor,
 * {@linkplain #run() sends}; it alone touches the call and the cursor.
 */
final class SearchStream implements Runnable {
    private final ServerCallStreamObserver<OptimizeNoiseResponse> call;
    private final Output output;
    private final SearchStore store;
    private final Executor executor;

    /** Wakes since sending last found nothing to do. Whoever raises it from 0 starts to send. */
    private final AtomicInteger wakes = new AtomicInteger();

    private volatile @Nullable Attachment attachment;
    private volatile boolean closed;

    // The sending thread's.
    private boolean acceptedSent;
    private int cursor;
    private @Nullable Progress progressSent;
    private @Nullable Boolean lowerIsBetter;

    SearchStream(
            ServerCallStreamObserver<OptimizeNoiseResponse> call, Output output, SearchStore store, Executor executor) {
        this.call = call;
        this.output = output;
        this.store = store;
        this.executor = executor;
        call.setOnReadyHandler(this::wake);
        call.setOnCancelHandler(this::cancelled);
    }

    void begin(Attachment toSend) {
        attachment = toSend;
        if (closed) {
            toSend.detach();
        }
        wake();
    }

    /** There may be something to send, or room for it. */
    void wake() {
        if (wakes.getAndIncrement() == 0) {
            try {
                executor.execute(this);
            } catch (RejectedExecutionException e) {
                // The server is gone, and the call with it.
                closed = true;
            }
        }
    }

    @Override
    public void run() {
        int seen = wakes.get();
        while (seen != 0) {
            try {
                send();
            } catch (RuntimeException | Error e) {
                fail(e);
            }
            seen = wakes.addAndGet(-seen);
        }
    }

    private void send() {
        Attachment search = attachment;
        while (search != null && !closed && call.isReady()) {
            if (!sendNext(search)) {
                return;
            }
        }
    }

    /** Sends one message, or closes the call. Returns false when there is nothing to send now. */
    private boolean sendNext(Attachment search) {
        // First: a search that has ended announces nothing more.
        SearchEnd end = search.end();
        Acceptance acceptance = search.acceptance();
        if (acceptance != null && !acceptedSent) {
            acceptedSent = true;
            call.onNext(OptimizeNoiseResponse.newBuilder()
                    .setAccepted(Protos.accepted(search.searchId(), acceptance))
                    .build());
            return true;
        }
        if (acceptance != null && cursor < search.announced()) {
            sendCandidate(search.searchId(), cursor++);
            return true;
        }
        Progress progress = search.progress();
        if (progress != null && progress != progressSent) {
            progressSent = progress;
            call.onNext(OptimizeNoiseResponse.newBuilder()
                    .setProgress(Protos.progress(progress))
                    .build());
            return true;
        }
        if (end != null) {
            sendEnd(search, end);
        }
        return false;
    }

    private void sendCandidate(String id, int index) {
        StoredCandidate candidate = store.candidate(id, index);
        if (candidate == null) {
            throw new IllegalStateException("search " + id + ": candidate " + index + " is announced but not stored");
        }
        boolean best = candidate.bestSoFar();
        call.onNext(OptimizeNoiseResponse.newBuilder()
                .setCandidate(Protos.candidate(
                        candidate,
                        lowerIsBetter(id),
                        carries(output.getNoise(), best),
                        carries(output.getPreview(), best),
                        output.getAttention()))
                .build());
    }

    /** Never changes within a search. */
    private boolean lowerIsBetter(String id) {
        Boolean known = lowerIsBetter;
        if (known == null) {
            StoredSearch search = store.search(id);
            if (search == null) {
                throw new IllegalStateException("search " + id + ": accepted but not stored");
            }
            known = search.lowerIsBetter();
            lowerIsBetter = known;
        }
        return known;
    }

    private static boolean carries(dev.prenoise.v1.Include include, boolean best) {
        Include which = Protos.include(include);
        return which == Include.ALL || which == Include.BEST && best;
    }

    private void sendEnd(Attachment search, SearchEnd end) {
        if (end instanceof SearchEnd.Done) {
            call.onNext(OptimizeNoiseResponse.newBuilder()
                    .setSummary(Summaries.of(store, search.searchId(), output))
                    .build());
            close();
            call.onCompleted();
        } else if (end instanceof SearchEnd.Failed failed) {
            fail(failed.cause());
        } else if (end instanceof SearchEnd.Interrupted) {
            fail(Statuses.interrupted(search.searchId()));
        } else {
            fail(Statuses.cancelled());
        }
    }

    private void fail(Throwable failure) {
        if (!closed) {
            close();
            call.onError(Statuses.of(failure));
        }
    }

    private void cancelled() {
        close();
    }

    private void close() {
        closed = true;
        Attachment search = attachment;
        if (search != null) {
            search.detach();
        }
    }
}
