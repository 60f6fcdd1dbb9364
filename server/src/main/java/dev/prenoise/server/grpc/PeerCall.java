package dev.prenoise.server.grpc;

import dev.prenoise.search.Evaluation;
import dev.prenoise.server.jobs.Shares;
import dev.prenoise.v1.CandidateAnswer;
import dev.prenoise.v1.CandidateEvaluatorGrpc;
import dev.prenoise.v1.CandidatesStart;
import dev.prenoise.v1.EvaluateCandidatesRequest;
import dev.prenoise.v1.EvaluateCandidatesResponse;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One search's call to one peer: shares go there, as many as it can have at once, and scores come back.
 *
 * <p>Thread-safe. What is sent is sent under this object's lock.
 */
final class PeerCall implements ClientResponseObserver<EvaluateCandidatesRequest, EvaluateCandidatesResponse> {
    /** Shares at a peer: one that it computes, and one that waits there for it, so that it need not wait for the wire. */
    private static final int WINDOW = 2;

    private final PeerHelp help;
    private final String address;
    private final Shares shares;

    private record Sent(Shares.Ticket ticket, long nanos) {}

    // Under this object's lock.
    private final Map<Long, Sent> sent = new LinkedHashMap<>();
    private @Nullable ClientCallStreamObserver<EvaluateCandidatesRequest> call;
    private long batches;
    private long answeredNanos;
    private boolean over;

    private volatile @Nullable String instance;

    PeerCall(PeerHelp help, String address, Shares shares) {
        this.help = help;
        this.address = address;
        this.shares = shares;
    }

    void open(ManagedChannel channel, CandidatesStart start) {
        synchronized (this) {
            answeredNanos = System.nanoTime();
        }
        CandidateEvaluatorGrpc.newStub(channel).evaluateCandidates(this);
        send(EvaluateCandidatesRequest.newBuilder().setStart(start).build());
        boolean late;
        synchronized (this) {
            late = over;
        }
        if (late) {
            // the search ended while the call was made, when there was none to cancel yet
            cancel();
        }
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<EvaluateCandidatesRequest> stream) {
        synchronized (this) {
            call = stream;
        }
    }

    private synchronized void send(EvaluateCandidatesRequest message) {
        if (!over && call != null) {
            call.onNext(message);
        }
    }

    /** Whether the peer takes part. */
    boolean ready() {
        return instance != null;
    }

    String instance() {
        return String.valueOf(instance);
    }

    /** How many shares it has room for. */
    synchronized int places() {
        return ready() && !over ? WINDOW : 0;
    }

    /** Takes shares as long as there are any and it has room. */
    synchronized void work() {
        while (ready() && !over && sent.size() < WINDOW) {
            Shares.Ticket ticket = shares.take();
            if (ticket == null) {
                return;
            }
            long id = ++batches;
            sent.put(id, new Sent(ticket, System.nanoTime()));
            send(EvaluateCandidatesRequest.newBuilder()
                    .setBatch(ShareMessages.batch(id, ticket.share()))
                    .build());
        }
    }

    @Override
    public void onNext(EvaluateCandidatesResponse message) {
        synchronized (this) {
            answeredNanos = System.nanoTime();
        }
        if (message.hasReady()) {
            ready(message.getReady().getInstance());
        } else {
            take(message.getAnswer());
        }
    }

    private void ready(String theirs) {
        instance = theirs;
        if (help.joined(this, theirs)) {
            work();
        } else {
            cancel();
        }
    }

    private void take(CandidateAnswer answer) {
        Sent question;
        synchronized (this) {
            question = sent.get(answer.getBatchId());
        }
        if (question == null) {
            leave("it answered batch " + answer.getBatchId() + ", which it was not asked", true);
            return;
        }
        int batch = question.ticket().share().batch();
        if (answer.getBatchSize() != batch) {
            leave(
                    "it computes " + answer.getBatchSize() + " candidates at once (expected: " + batch
                            + ", as many as here, for the last bits of scores to be the same)",
                    true);
            return;
        }
        List<Evaluation> scores;
        try {
            scores = ShareMessages.evaluations(answer, question.ticket().share());
        } catch (IllegalArgumentException e) {
            leave("it answered " + e.getMessage(), true);
            return;
        }
        if (answer.getWarningsCount() > 0) {
            help.told(answer.getWarningsList().stream()
                    .map(sentence -> "peer " + address + ": " + sentence)
                    .toList());
        }
        synchronized (this) {
            sent.remove(answer.getBatchId());
        }
        help.worked(this);
        shares.bring(question.ticket(), scores);
        work();
    }

    @Override
    public void onError(Throwable failure) {
        Status status = Status.fromThrowable(failure);
        String said = status.getDescription() == null ? "" : ", " + status.getDescription();
        giveBack();
        switch (status.getCode()) {
            case FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND, UNAUTHENTICATED, PERMISSION_DENIED -> {
                if (said.contains(CandidatesService.ITSELF)) {
                    help.itself(this);
                } else {
                    help.refused(this, status.getCode() + said);
                }
            }
            case UNIMPLEMENTED ->
                help.refused(this, "it is of another version, which does not score candidates for others");
            default -> help.lost(this, status.getCode().name(), status.getCode() + said);
        }
    }

    @Override
    public void onCompleted() {
        if (giveBack()) {
            String reason = "it ended its call";
            help.lost(this, reason, reason);
        } else {
            help.idle(this);
        }
    }

    /** Ends a call whose peer is late. */
    void requireInTime(Duration timeout) {
        synchronized (this) {
            // it answers in order
            long since = answeredNanos;
            for (Sent oldest : sent.values()) {
                since = oldest.nanos() - since > 0 ? oldest.nanos() : since;
                break;
            }
            boolean waits = !ready() || !sent.isEmpty();
            if (over || !waits || System.nanoTime() - since < timeout.toNanos()) {
                return;
            }
        }
        leave("it did not answer within " + timeout.toMillis() / 1000.0 + " s", false);
    }

    private void leave(String reason, boolean forGood) {
        giveBack();
        if (forGood) {
            help.refused(this, reason);
        } else {
            help.lost(this, reason, reason);
        }
        cancel();
    }

    /** What it has not answered is for others. */
    void cancel() {
        giveBack();
        ClientCallStreamObserver<EvaluateCandidatesRequest> open;
        synchronized (this) {
            open = call;
            call = null;
        }
        if (open != null) {
            open.cancel("its scores are not wanted any more", null);
        }
    }

    /** Whether there was anything. */
    private boolean giveBack() {
        List<Sent> unanswered;
        synchronized (this) {
            over = true;
            unanswered = new ArrayList<>(sent.values());
            sent.clear();
        }
        for (int i = unanswered.size() - 1; i >= 0; i--) {
            shares.giveBack(unanswered.get(i).ticket());
        }
        return !unanswered.isEmpty();
    }
}
