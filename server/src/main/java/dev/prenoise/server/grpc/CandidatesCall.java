package dev.prenoise.server.grpc;

import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipes;
import dev.prenoise.search.Evaluation;
import dev.prenoise.server.jobs.HelpedSearch;
import dev.prenoise.server.jobs.Share;
import dev.prenoise.v1.CandidateBatch;
import dev.prenoise.v1.CandidateNoise;
import dev.prenoise.v1.CandidatesReady;
import dev.prenoise.v1.CandidatesStart;
import dev.prenoise.v1.EvaluateCandidatesRequest;
import dev.prenoise.v1.EvaluateCandidatesResponse;
import dev.prenoise.v1.OptimizeNoiseRequest;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One EvaluateCandidates call. It has a place from its start to its end, and ends where nothing is asked for long. A message is asked for when the one before it is done, so that the call holds one and the others wait in the
 * connection.
 *
 * <p>Threads: gRPC brings messages one after the other and the end of the call at any time; each message is done on a thread of those that
 * help, one at a time.
 */
final class CandidatesCall implements StreamObserver<EvaluateCandidatesRequest> {
    /** Of turns in one recipe. More is no sidecar's. */
    private static final int MOST_STEPS = 1024;

    /** Begins to help a search. */
    interface Beginning {
        HelpedSearch begin(CandidatesStart start, BooleanSupplier stopped);
    }

    private final ServerCallStreamObserver<EvaluateCandidatesResponse> call;
    private final Executor helping;
    private final Semaphore places;
    private final ScheduledExecutorService clock;
    private final Duration patience;
    private final String instance;
    private final Beginning beginning;

    private volatile boolean stopped;

    // Under this object's lock.
    private boolean busy;
    private boolean halfClosed;
    private boolean ended;
    private boolean placed;
    private long idleNanos;
    private @Nullable Future<?> idleEnd;

    // Of whoever has a message to do, which is one at a time, and of the end.
    private volatile @Nullable HelpedSearch search;
    private @Nullable Noise base;

    /**
     * To be made on the call's thread.
     *
     * @param places of calls that are open at once
     * @param patience how long nothing may be asked
     * @param instance this sidecar's
     */
    CandidatesCall(
            ServerCallStreamObserver<EvaluateCandidatesResponse> call,
            Executor helping,
            Semaphore places,
            ScheduledExecutorService clock,
            Duration patience,
            String instance,
            Beginning beginning) {
        this.call = call;
        this.helping = helping;
        this.places = places;
        this.clock = clock;
        this.patience = patience;
        this.instance = instance;
        this.beginning = beginning;
        call.disableAutoRequest();
        call.setOnCancelHandler(this::cancelled);
        next();
    }

    /** Asks for another message, and looks after some time whether it came. */
    private void next() {
        synchronized (this) {
            if (ended) {
                return;
            }
            idleNanos = System.nanoTime();
            try {
                idleEnd = clock.schedule(this::endIdle, patience.toNanos(), TimeUnit.NANOSECONDS);
            } catch (RejectedExecutionException e) {
                // shutting down, which ends all calls
                idleEnd = null;
            }
        }
        call.request(1);
    }

    private void endIdle() {
        synchronized (this) {
            if (busy || ended || System.nanoTime() - idleNanos < patience.toNanos()) {
                return;
            }
            ended = true;
        }
        closeSearch();
        call.onCompleted();
    }

    @Override
    public void onNext(EvaluateCandidatesRequest message) {
        boolean full = false;
        synchronized (this) {
            if (ended) {
                return;
            }
            busy = true;
            forgetIdle();
            if (!placed && !places.tryAcquire()) {
                full = true;
            } else {
                placed = true;
            }
        }
        if (full) {
            end(Statuses.exhausted("as many searches are helped as this sidecar takes"));
            return;
        }
        try {
            helping.execute(() -> take(message));
        } catch (RejectedExecutionException e) {
            end(Statuses.unavailable("the sidecar is shutting down"));
        }
    }

    private void take(EvaluateCandidatesRequest message) {
        Throwable failure = null;
        EvaluateCandidatesResponse response = null;
        try {
            response = answer(message);
        } catch (RuntimeException | Error e) {
            failure = e;
        }
        if (!stopped && response != null) {
            call.onNext(response);
        }
        boolean last;
        synchronized (this) {
            busy = false;
            last = halfClosed || ended;
        }
        if (failure != null) {
            end(stopped ? Statuses.cancelled("nobody waits for the scores any more") : failure);
        } else if (last) {
            end(null);
        } else {
            next();
        }
    }

    private EvaluateCandidatesResponse answer(EvaluateCandidatesRequest message) {
        HelpedSearch helped = search;
        if (helped == null) {
            search = begin(message);
            return EvaluateCandidatesResponse.newBuilder()
                    .setReady(CandidatesReady.newBuilder().setInstance(instance))
                    .build();
        }
        if (!message.hasBatch()) {
            throw new InvalidFieldException("message", message.getMessageCase() + " (expected: batch, after a start)");
        }
        CandidateBatch batch = message.getBatch();
        check(batch, helped);
        int before = helped.batch(batch.getEvaluator());
        Share share = ShareMessages.share(batch, before, base, () -> stopped);
        List<Evaluation> scores = helped.score(share);
        // where memory ran short it is less than before, and some of these were computed so
        int computed = Math.min(before, helped.batch(batch.getEvaluator()));
        return EvaluateCandidatesResponse.newBuilder()
                .setAnswer(ShareMessages.answer(batch, computed, scores, helped.warnings()))
                .build();
    }

    private HelpedSearch begin(EvaluateCandidatesRequest message) {
        if (!message.hasStart()) {
            throw new InvalidFieldException(
                    "message", message.getMessageCase() + " (expected: start, the first message of a call)");
        }
        OptimizeNoiseRequest request = message.getStart().getRequest();
        HelpedSearch begun = beginning.begin(message.getStart(), () -> stopped);
        base = request.hasNoise() ? Protos.noise(request) : null;
        return begun;
    }

    private static void check(CandidateBatch batch, HelpedSearch helped) {
        Violations violations = new Violations();
        int evaluators = helped.evaluators();
        if (batch.getEvaluator() < 0 || batch.getEvaluator() >= evaluators) {
            violations.add("batch.evaluator", batch.getEvaluator(), "0 to " + (evaluators - 1));
            violations.throwIfAny();
        }
        int most = helped.batch(batch.getEvaluator());
        if (batch.getNoiseCount() < 1 || batch.getNoiseCount() > most) {
            violations.add(
                    "batch.noise",
                    batch.getNoiseCount() + " of them",
                    "1 to " + most + ", as many as are computed here at once");
            violations.throwIfAny();
        }
        long[] shape = helped.noiseShape();
        for (int i = 0; i < batch.getNoiseCount(); i++) {
            check(violations, "batch.noise[" + i + "]", batch.getNoise(i), shape);
        }
        violations.throwIfAny();
    }

    private static void check(Violations violations, String field, CandidateNoise noise, long[] shape) {
        String expected = Arrays.toString(shape);
        switch (noise.getSourceCase()) {
            case TENSOR -> Tensors.check(violations, field + ".tensor", noise.getTensor(), expected);
            case RECIPE -> {
                if (!Arrays.equals(Protos.shape(noise.getRecipe().getShapeList()), shape)) {
                    violations.add(field + ".recipe.shape", noise.getRecipe().getShapeList(), expected);
                } else if (noise.getRecipe().getStepsCount() > MOST_STEPS) {
                    violations.add(
                            field + ".recipe.steps",
                            noise.getRecipe().getStepsCount() + " of them",
                            "at most " + MOST_STEPS);
                } else {
                    try {
                        NoiseRecipes.validate(Protos.recipe(noise.getRecipe()), Noise.sizeOf(shape));
                    } catch (IllegalArgumentException e) {
                        violations.add(field + ".recipe.", e);
                    }
                }
            }
            case SOURCE_NOT_SET -> violations.add(field, "not set", "a recipe or a tensor");
        }
    }

    /** Half-closed: what was asked for before is still answered. */
    @Override
    public void onCompleted() {
        boolean idle;
        synchronized (this) {
            halfClosed = true;
            idle = !busy;
        }
        if (idle) {
            end(null);
        }
    }

    /** The call was cancelled, which its handler hears too. */
    @Override
    public void onError(Throwable failure) {}

    private void cancelled() {
        stopped = true;
        boolean idle;
        synchronized (this) {
            ended = true;
            idle = !busy;
        }
        if (idle) {
            closeSearch();
        }
    }

    /**
     * @param failure null = it went well
     */
    private void end(@Nullable Throwable failure) {
        closeSearch();
        synchronized (this) {
            if (ended) {
                return;
            }
            ended = true;
        }
        if (failure == null) {
            call.onCompleted();
        } else {
            call.onError(Statuses.of(failure));
        }
    }

    private void closeSearch() {
        HelpedSearch helped;
        boolean place;
        synchronized (this) {
            helped = search;
            search = null;
            place = placed;
            placed = false;
            forgetIdle();
        }
        if (helped != null) {
            helped.close();
        }
        if (place) {
            places.release();
        }
    }

    /** Under the lock. */
    private void forgetIdle() {
        Future<?> planned = idleEnd;
        idleEnd = null;
        if (planned != null) {
            planned.cancel(false);
        }
    }
}
