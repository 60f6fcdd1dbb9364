package dev.prenoise.server.grpc;

import com.google.rpc.Code;
import dev.prenoise.engine.HostAnswerException;
import dev.prenoise.v1.OptimizeNoiseOnHostRequest;
import dev.prenoise.v1.OptimizeNoiseOnHostRequest.MessageCase;
import dev.prenoise.v1.OptimizeNoiseOnHostResponse;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Questions to a host, one at a time, and the answer to each. The search's thread {@linkplain #ask asks} and waits; gRPC's brings what the
 * host sends, which is one message at most that nobody has taken yet.
 *
 * <p>Thread-safe.
 */
final class HostExchange {
    private static final long POLL_MILLIS = 20;

    private final Consumer<OptimizeNoiseOnHostResponse> send;
    private final Duration timeout;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    // Under the lock.
    private @Nullable Expected expected;
    private @Nullable OptimizeNoiseOnHostRequest answer;
    private @Nullable String badField;
    private String badValue = "";

    private record Expected(MessageCase kind, long id) {
        @Override
        public String toString() {
            return field(kind) + " " + id;
        }
    }

    /**
     * @param send returns at once
     * @param timeout of each question
     */
    HostExchange(Consumer<OptimizeNoiseOnHostResponse> send, Duration timeout) {
        this.send = send;
        this.timeout = timeout;
    }

    /**
     * Asks, and waits for the answer. On the search's thread.
     *
     * @param id evaluation_id of question and answer
     * @param stopped asked from time to time
     * @throws HostAnswerException when the host has sent another message than the one that is due
     * @throws HostFailedException when it sends none in time
     * @throws CancellationException soon after {@code stopped} answers true
     */
    OptimizeNoiseOnHostRequest ask(
            OptimizeNoiseOnHostResponse question, MessageCase kind, long id, BooleanSupplier stopped) {
        lock.lock();
        try {
            expected = new Expected(kind, id);
            requireGood();
            requireGoing(stopped);
            send.accept(question);
            return await(expected, stopped);
        } finally {
            expected = null;
            answer = null;
            lock.unlock();
        }
    }

    private OptimizeNoiseOnHostRequest await(Expected what, BooleanSupplier stopped) {
        long start = System.nanoTime();
        while (true) {
            OptimizeNoiseOnHostRequest given = answer;
            if (given != null) {
                return given;
            }
            requireGood();
            requireGoing(stopped);
            if (System.nanoTime() - start >= timeout.toNanos()) {
                throw new HostFailedException(
                        Code.DEADLINE_EXCEEDED,
                        what + ": not answered (expected: within " + seconds(timeout)
                                + " s; serve --host-timeout says how long)");
            }
            try {
                changed.await(POLL_MILLIS, TimeUnit.MILLISECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CancellationException("interrupted while the host was waited for");
            }
        }
    }

    private static void requireGoing(BooleanSupplier stopped) {
        if (stopped.getAsBoolean()) {
            throw new CancellationException("stopped while the host was waited for");
        }
    }

    private void requireGood() {
        if (badField != null) {
            throw new HostAnswerException(badField, badValue);
        }
    }

    private static String seconds(Duration time) {
        double seconds = time.toMillis() / 1000.0;
        return seconds == Math.rint(seconds) ? String.valueOf((long) seconds) : String.valueOf(seconds);
    }

    /** What the host sends, its start aside. What is not the answer that is due ends the search when it asks next. */
    void receive(OptimizeNoiseOnHostRequest message) {
        lock.lock();
        try {
            Expected due = answer == null ? expected : null;
            String field = field(message.getMessageCase());
            long id = message.hasGradient()
                    ? message.getGradient().getEvaluationId()
                    : message.getEvaluation().getEvaluationId();
            if (due == null) {
                bad(field, "sent (expected: an evaluation or a gradient once one is asked for, and once)");
            } else if (message.getMessageCase() != due.kind()) {
                bad(field, "sent (expected: " + field(due.kind()) + ", with evaluation_id " + due.id() + ")");
            } else if (id != due.id()) {
                bad(field + ".evaluation_id", id + " (expected: " + due.id() + ", the one asked for)");
            } else {
                answer = message;
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void bad(String field, String value) {
        if (badField == null) {
            badField = field;
            badValue = value;
        }
    }

    private static String field(MessageCase kind) {
        return switch (kind) {
            case START -> "start";
            case EVALUATION -> "evaluation";
            case GRADIENT -> "gradient";
            case MESSAGE_NOT_SET -> "message";
        };
    }
}
