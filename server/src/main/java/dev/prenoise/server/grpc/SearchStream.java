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
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Carries one search to one caller, at the caller's pace. It holds a cursor, not candidates: while the caller does not read, nothing is
 * built and nothing piles up; when it reads again, every candidate follows in order from the store, and of the progress only the latest.
 * What the search asks the caller ({@link #ask}) follows on what was announced before, or goes at once where the caller does not read.
 *
 * <p>Threads: the search's thread and gRPC's only {@link #wake()}, {@link #ask} and {@link #refuse}, which return at once. One thread at a
 * time, of the executor, {@linkplain #run() sends}; it alone touches the call and the cursor.
 *
 * @param <M> the call's messages
 */
final class SearchStream<M> implements Runnable {
    /** A search and what its caller wants to see of it. */
    private record Shown(Attachment search, Output output) {}

    private final ServerCallStreamObserver<M> call;
    private final Function<OptimizeNoiseResponse, M> message;
    private final UnaryOperator<Throwable> failure;
    private final SearchStore store;
    private final Executor executor;

    /** Wakes since sending last found nothing to do. Whoever raises it from 0 starts to send. */
    private final AtomicInteger wakes = new AtomicInteger();

    private final Queue<M> questions = new ConcurrentLinkedQueue<>();

    private volatile @Nullable Shown shown;
    private volatile @Nullable Throwable refusal;
    private volatile boolean closed;

    // The sending thread's.
    private boolean acceptedSent;
    private int cursor;
    private @Nullable Progress progressSent;
    private @Nullable Boolean lowerIsBetter;

    /**
     * To be made on the call's thread.
     *
     * @param message of an event
     * @param failure what a search's failure is to this call
     */
    SearchStream(
            ServerCallStreamObserver<M> call,
            Function<OptimizeNoiseResponse, M> message,
            UnaryOperator<Throwable> failure,
            SearchStore store,
            Executor executor) {
        this.call = call;
        this.message = message;
        this.failure = failure;
        this.store = store;
        this.executor = executor;
        call.setOnReadyHandler(this::wake);
        call.setOnCancelHandler(this::close);
    }

    void begin(Attachment search, Output output) {
        shown = new Shown(search, output);
        if (closed) {
            search.detach();
        }
        wake();
    }

    /** Sends a question. Who asks waits for its answer, so that there is never more than one. */
    void ask(M question) {
        questions.add(question);
        wake();
    }

    /** Ends the call with a failure; a search that it had begun ends with it. */
    void refuse(Throwable why) {
        refusal = why;
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
        Throwable refused = refusal;
        if (refused != null) {
            fail(refused);
        }
        Shown search = shown;
        while (search != null && !closed && (call.isReady() && sendNext(search) || sendQuestion())) {
            // until there is nothing to send, or no room
        }
    }

    private boolean sendQuestion() {
        M question = closed ? null : questions.poll();
        if (question != null) {
            call.onNext(question);
        }
        return question != null;
    }

    /** Sends one event, or closes the call. Returns false when there is nothing to send now. */
    private boolean sendNext(Shown to) {
        Attachment search = to.search();
        // First: a search that has ended announces nothing more.
        SearchEnd end = search.end();
        Acceptance acceptance = search.acceptance();
        if (acceptance != null && !acceptedSent) {
            acceptedSent = true;
            send(OptimizeNoiseResponse.newBuilder().setAccepted(Protos.accepted(search.searchId(), acceptance)));
            return true;
        }
        if (acceptance != null && cursor < search.announced()) {
            sendCandidate(to, cursor++);
            return true;
        }
        Progress progress = search.progress();
        if (progress != null && progress != progressSent) {
            progressSent = progress;
            send(OptimizeNoiseResponse.newBuilder().setProgress(Protos.progress(progress)));
            return true;
        }
        if (end != null) {
            sendEnd(to, end);
        }
        return false;
    }

    private void send(OptimizeNoiseResponse.Builder event) {
        call.onNext(message.apply(event.build()));
    }

    private void sendCandidate(Shown to, int index) {
        String id = to.search().searchId();
        StoredCandidate candidate = store.candidate(id, index);
        if (candidate == null) {
            throw new IllegalStateException("search " + id + ": candidate " + index + " is announced but not stored");
        }
        boolean best = candidate.bestSoFar();
        send(OptimizeNoiseResponse.newBuilder()
                .setCandidate(Protos.candidate(
                        candidate,
                        lowerIsBetter(id),
                        carries(to.output().getNoise(), best),
                        carries(to.output().getPreview(), best),
                        to.output().getAttention())));
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

    private void sendEnd(Shown to, SearchEnd end) {
        String id = to.search().searchId();
        if (end instanceof SearchEnd.Done) {
            send(OptimizeNoiseResponse.newBuilder().setSummary(Summaries.of(store, id, to.output())));
            close();
            call.onCompleted();
        } else if (end instanceof SearchEnd.Failed failed) {
            fail(failure.apply(failed.cause()));
        } else if (end instanceof SearchEnd.Interrupted) {
            fail(Statuses.interrupted(id));
        } else {
            fail(Statuses.cancelled());
        }
    }

    private void fail(Throwable why) {
        if (!closed) {
            close();
            call.onError(Statuses.of(why));
        }
    }

    private void close() {
        closed = true;
        Shown search = shown;
        if (search != null) {
            search.search().detach();
        }
    }
}
