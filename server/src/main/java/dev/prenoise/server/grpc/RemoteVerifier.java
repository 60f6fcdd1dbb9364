package dev.prenoise.server.grpc;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.protobuf.ByteString;
import dev.prenoise.image.Png;
import dev.prenoise.v1.ImageScore;
import dev.prenoise.v1.NoiseProviderGrpc;
import dev.prenoise.v1.NoiseProviderGrpc.NoiseProviderFutureStub;
import dev.prenoise.v1.ScoreImagesRequest;
import dev.prenoise.v1.ScoreImagesResponse;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Question;
import dev.prenoise.verifier.Shot;
import dev.prenoise.verifier.Verifier;
import dev.prenoise.verifier.VerifierOffer;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A verifier of another sidecar, or of any server that answers ScoreImages. Pictures are sent as PNG. Whatever the other side does, a search
 * goes on: what it does not judge in time is NaN, with a warning.
 */
public final class RemoteVerifier implements Verifier {
    /** Of one call. */
    public static final Duration DEADLINE = Duration.ofSeconds(60);

    /** A call carries so many bytes at most, or one picture: servers take 64 MiB, and others less. */
    private static final int CALL_BYTES = 3 << 20;

    private static final Logger LOG = LoggerFactory.getLogger(RemoteVerifier.class);

    private static final int CALL_PICTURES = 16;
    private static final long POLL_MILLIS = 20;

    private final String name;
    private final String theirName;
    private final String address;
    private final ManagedChannel channel;
    private final Duration deadline;
    private final RemotePause pause = new RemotePause(System::nanoTime);

    private RemoteVerifier(String name, String theirName, String address, ManagedChannel channel, Duration deadline) {
        this.name = name;
        this.theirName = theirName;
        this.address = address;
        this.channel = channel;
        this.deadline = deadline;
    }

    /**
     * @param name here
     * @param theirName there
     * @param address for messages
     * @param channel opened when the verifier is; closed with it
     * @param deadline of one call
     * @return takes label and instructions: whether it does is the other side's to say
     */
    public static VerifierOffer offer(
            String name, String theirName, String address, Supplier<ManagedChannel> channel, Duration deadline) {
        return new VerifierOffer(
                        name,
                        "what " + theirName + " at " + address + " says",
                        null,
                        false,
                        false,
                        (compute, type) -> new RemoteVerifier(name, theirName, address, channel.get(), deadline))
                .taking(VerifierOffer.Extra.LABEL, VerifierOffer.Extra.INSTRUCTIONS);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String settings() {
        return address + " " + theirName;
    }

    @Override
    public Judge judge(Question question) {
        return new RemoteJudge(question);
    }

    @Override
    public void close() {
        channel.shutdownNow();
    }

    private final class RemoteJudge implements Judge {
        private final Question question;

        /** How many pictures each reason cost. */
        private final Map<String, Integer> unjudged = new LinkedHashMap<>();

        RemoteJudge(Question question) {
            this.question = question;
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
            double[] scores = new double[shots.size()];
            List<ByteString> images = new ArrayList<>();
            int bytes = 0;
            for (int i = 0; i < scores.length; i++) {
                ByteString image = ByteString.copyFrom(Png.encode(shots.get(i).picture()));
                if (!images.isEmpty() && (bytes + image.size() > CALL_BYTES || images.size() == CALL_PICTURES)) {
                    ask(images, scores, i - images.size(), stopped);
                    images.clear();
                    bytes = 0;
                }
                images.add(image);
                bytes += image.size();
            }
            ask(images, scores, scores.length - images.size(), stopped);
            return scores;
        }

        private void ask(List<ByteString> images, double[] scores, int from, BooleanSupplier stopped) {
            if (images.isEmpty()) {
                return;
            }
            Arrays.fill(scores, from, from + images.size(), Double.NaN);
            if (!pause.mayAsk()) {
                warn(
                        "it was not asked, as " + RemotePause.FAILURES + " calls in a row had failed less than "
                                + RemotePause.PAUSE.toSeconds() + " s before",
                        images.size());
                return;
            }
            ScoreImagesRequest.Builder request =
                    ScoreImagesRequest.newBuilder().addAllImages(images).setPrompt(question.prompt());
            request.addVerifiersBuilder()
                    .setName(theirName)
                    .setLabel(question.label())
                    .setInstructions(question.instructions());
            ScoreImagesResponse response;
            try {
                response = await(stub().scoreImages(request.build()), stopped);
            } catch (ExecutionException e) {
                Status status = Status.fromThrowable(e);
                failed(status);
                warn(reason(status), images.size());
                return;
            } catch (CancellationException e) {
                pause.abandoned();
                throw e;
            }
            pause.answered();
            if (response.getScoresCount() != images.size()) {
                warn(
                        "it answered " + response.getScoresCount() + " scores (expected: " + images.size() + ")",
                        images.size());
                return;
            }
            int missing = 0;
            for (int i = 0; i < images.size(); i++) {
                double score = score(response.getScores(i));
                scores[from + i] = score;
                missing += Double.isNaN(score) ? 1 : 0;
            }
            if (missing > 0) {
                String why = response.getWarningsCount() == 0
                        ? "it answered no finite score of " + theirName
                        : String.join("; ", response.getWarningsList());
                warn(why, missing);
            }
        }

        /** What it has against this one call says nothing of the next. */
        private void failed(Status status) {
            switch (status.getCode()) {
                case INVALID_ARGUMENT, FAILED_PRECONDITION, NOT_FOUND, OUT_OF_RANGE, ALREADY_EXISTS -> pause.answered();
                default -> {
                    if (pause.failed()) {
                        LOG.warn(
                                "{}: {} does not answer ({}); it is asked again every {} s",
                                name,
                                address,
                                status.getCode(),
                                RemotePause.PAUSE.toSeconds());
                    }
                }
            }
        }

        private NoiseProviderFutureStub stub() {
            return NoiseProviderGrpc.newFutureStub(channel)
                    .withDeadlineAfter(deadline.toMillis(), TimeUnit.MILLISECONDS);
        }

        /** The deadline is the call's own. */
        private ScoreImagesResponse await(ListenableFuture<ScoreImagesResponse> call, BooleanSupplier stopped)
                throws ExecutionException {
            while (true) {
                if (stopped.getAsBoolean()) {
                    call.cancel(true);
                    throw new CancellationException("stopped while " + address + " was waited for");
                }
                try {
                    return call.get(POLL_MILLIS, TimeUnit.MILLISECONDS);
                } catch (TimeoutException e) {
                    // asks again whether anybody still waits
                } catch (InterruptedException e) {
                    call.cancel(true);
                    Thread.currentThread().interrupt();
                    throw new CancellationException("interrupted while " + address + " was waited for");
                }
            }
        }

        /** It may answer under the name that an alias stands for. */
        private double score(ImageScore score) {
            Map<String, Double> scores = score.getScoresMap();
            double value =
                    scores.size() == 1 ? scores.values().iterator().next() : scores.getOrDefault(theirName, Double.NaN);
            return Double.isFinite(value) ? value : Double.NaN;
        }

        private String reason(Status status) {
            return status.getCode() == Status.Code.DEADLINE_EXCEEDED
                    ? "it did not answer within " + deadline.toMillis() / 1000.0 + " s"
                    : status.getCode() + (status.getDescription() == null ? "" : ", " + status.getDescription());
        }

        private void warn(String reason, int pictures) {
            unjudged.merge(reason, pictures, Integer::sum);
        }

        @Override
        public List<String> warnings() {
            return unjudged.entrySet().stream()
                    .map(e -> name + ": " + e.getValue() + (e.getValue() == 1 ? " picture was" : " pictures were")
                            + " not judged by " + address + ": " + e.getKey())
                    .toList();
        }
    }
}
