package dev.prenoise.verifier;

import dev.prenoise.image.Picture;
import dev.prenoise.image.Png;
import dev.prenoise.verifier.LlmFailure.Scope;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Grades the pictures of one search. Whatever goes wrong costs a picture its grade, never the search: it gets NaN, and the warnings say how
 * many did and why. A service that failed for several pictures in a row is asked about few of those that follow, and once each, until it
 * answers again; one that refuses the key or the model is asked no more.
 *
 * <p>Threads: {@link #score} belongs to one at a time; pictures are graded by as many as {@link LlmOptions#concurrency()} says, which share
 * what is counted under this object's lock.
 */
final class LlmJudge implements Judge {
    private static final Logger LOG = LoggerFactory.getLogger(LlmJudge.class);
    private static final int POLL_MILLIS = 20;

    /** So many pictures in a row without an answer, and the service counts as down. */
    private static final int DOWN_AFTER = 4;

    /** Of a service that is down, every so many pictures it is tried again. */
    private static final int PROBE_EVERY = 8;

    private static final int MOST_REASONS = 4;

    private final LlmOptions options;
    private final LlmClient client;
    private final LlmCache cache;
    private final LlmWording wording;
    private final ThreadPoolExecutor graders;

    // Under this object's lock.
    private int calls;
    private int pictures;
    private final Map<String, Integer> failures = new LinkedHashMap<>();
    private int failedInARow;
    private int passedOver;
    private String lastFailure = "";
    private @Nullable LlmFailure ended;

    LlmJudge(LlmOptions options, LlmClient client, LlmCache cache, Question question) {
        this.options = options;
        this.client = client;
        this.cache = cache;
        this.wording = LlmWording.of(question);
        this.graders = new ThreadPoolExecutor(
                options.concurrency(),
                options.concurrency(),
                10,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(),
                runnable -> {
                    Thread thread = new Thread(runnable, "prenoise-llm");
                    thread.setDaemon(true);
                    return thread;
                });
        graders.allowCoreThreadTimeOut(true);
    }

    @Override
    public boolean remote() {
        return true;
    }

    @Override
    public double[] score(List<Shot> shots) {
        return score(shots, () -> false);
    }

    @Override
    public double[] score(List<Shot> shots, BooleanSupplier stopped) {
        // Pictures that are the same are paid for once.
        Map<String, Future<Double>> distinct = new LinkedHashMap<>();
        List<Future<Double>> grades = new ArrayList<>();
        for (Shot shot : shots) {
            String key = key(shot.picture(), false);
            grades.add(distinct.computeIfAbsent(key, k -> graders.submit(() -> grade(k, shot.picture()))));
        }
        try {
            double[] scores = new double[grades.size()];
            for (int i = 0; i < scores.length; i++) {
                scores[i] = await(grades.get(i), stopped);
            }
            return scores;
        } finally {
            grades.forEach(grade -> grade.cancel(true));
        }
    }

    private static double await(Future<Double> grade, BooleanSupplier stopped) {
        while (true) {
            if (stopped.getAsBoolean()) {
                throw new CancellationException("the search was stopped");
            }
            try {
                return grade.get(POLL_MILLIS, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                // Not yet.
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CancellationException("interrupted");
            } catch (ExecutionException e) {
                if (e.getCause() instanceof Error error) {
                    throw error;
                }
                throw new IllegalStateException("a grader's thread failed", e.getCause());
            }
        }
    }

    /**
     * @param plain whether the grade is given without JSON mode and temperature, by which it may be another
     */
    private String key(Picture picture, boolean plain) {
        return LlmCache.key(
                options.baseUrl().toString().getBytes(StandardCharsets.UTF_8),
                options.model().getBytes(StandardCharsets.UTF_8),
                (plain ? "plain" : options.temperature() + " " + options.jsonMode()).getBytes(StandardCharsets.UTF_8),
                wording.system().getBytes(StandardCharsets.UTF_8),
                wording.user().getBytes(StandardCharsets.UTF_8),
                (picture.width() + "x" + picture.height()).getBytes(StandardCharsets.UTF_8),
                picture.rgb());
    }

    private double grade(String key, Picture picture) throws InterruptedException {
        LlmGrade known = known(key, picture);
        if (known != null) {
            count();
            return known.overall();
        }
        try {
            Given given = ask(Png.encode(picture), retries(), Long.parseUnsignedLong(key.substring(0, 16), 16));
            LlmGrade grade = given.grade();
            cache.put(key(picture, given.plain()), grade);
            LOG.debug("llm: {} {}", key.substring(0, 16), grade);
            answered();
            return grade.overall();
        } catch (LlmFailure e) {
            failed(e);
            return Double.NaN;
        } catch (RuntimeException e) {
            LOG.warn("llm: a picture is not graded", e);
            failed(new LlmFailure(Scope.PICTURE, e.getClass().getSimpleName()));
            return Double.NaN;
        }
    }

    /** A plain one stands where the service refused the usual call, which it would again; it is not asked to once that is known. */
    private @Nullable LlmGrade known(String key, Picture picture) {
        LlmGrade usual = client.plain() ? null : cache.get(key);
        return usual == null ? cache.get(key(picture, true)) : usual;
    }

    private record Given(LlmGrade grade, boolean plain) {}

    private Given ask(byte[] png, int retries, long jitter) throws LlmFailure, InterruptedException {
        LlmClient.Answer answer = client.ask(wording, png, this::take, retries, jitter);
        LlmGrade grade = LlmGrade.read(answer.text());
        if (grade == null) {
            answer = client.ask(wording.again(), png, this::take, retries, jitter + 1);
            grade = LlmGrade.read(answer.text());
        }
        if (grade == null) {
            throw new LlmFailure(Scope.PICTURE, "no grades in the answer");
        }
        return new Given(grade, answer.plain());
    }

    /** Whether there may be one more call. */
    private synchronized boolean take() {
        if (calls == options.maxCalls()) {
            return false;
        }
        calls++;
        return true;
    }

    /** How often the next picture's call may be made again. */
    private synchronized int retries() throws LlmFailure {
        if (ended != null) {
            throw ended;
        }
        if (failedInARow < DOWN_AFTER) {
            return options.retries();
        }
        passedOver++;
        if (passedOver % PROBE_EVERY != 0) {
            throw new LlmFailure(Scope.PICTURE, lastFailure);
        }
        return 0;
    }

    private synchronized void count() {
        pictures++;
    }

    private synchronized void answered() {
        pictures++;
        failedInARow = 0;
        passedOver = 0;
    }

    private synchronized void failed(LlmFailure failure) {
        pictures++;
        failures.merge(String.valueOf(failure.getMessage()), 1, Integer::sum);
        if (failure.scope() == Scope.SERVICE) {
            failedInARow++;
            lastFailure = String.valueOf(failure.getMessage());
        } else if (failure.scope() == Scope.SEARCH) {
            ended = failure;
        }
    }

    @Override
    public synchronized List<String> warnings() {
        int failed = failures.values().stream().mapToInt(Integer::intValue).sum();
        if (failed == 0) {
            return List.of();
        }
        String why = failures.size() == 1
                ? failures.keySet().iterator().next()
                : failures.entrySet().stream()
                        .limit(MOST_REASONS)
                        .map(entry -> entry.getKey() + " (" + entry.getValue() + ")")
                        .collect(Collectors.joining("; ", "", failures.size() > MOST_REASONS ? "; and others" : ""));
        return List.of(LlmGrader.NAME + ": " + failed + " of " + pictures + " pictures not graded: " + why);
    }

    @Override
    public void close() {
        graders.shutdownNow();
    }
}
