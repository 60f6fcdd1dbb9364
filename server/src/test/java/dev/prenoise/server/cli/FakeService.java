package dev.prenoise.server.cli;

import com.google.protobuf.ByteString;
import dev.prenoise.v1.Accepted;
import dev.prenoise.v1.Budget;
import dev.prenoise.v1.Candidate;
import dev.prenoise.v1.DataType;
import dev.prenoise.v1.GetCapabilitiesRequest;
import dev.prenoise.v1.GetCapabilitiesResponse;
import dev.prenoise.v1.NoiseProviderGrpc;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.OptimizeNoiseResponse;
import dev.prenoise.v1.StopReason;
import dev.prenoise.v1.Summary;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * Speaks the contract with made-up numbers: candidate k of n scores 1 - frac(0.618 k), its seed is 1000 + k, its picture a flat colour.
 */
final class FakeService extends NoiseProviderGrpc.NoiseProviderImplBase {
    volatile @Nullable OptimizeNoiseRequest request;
    volatile @Nullable StatusRuntimeException refusal;
    /** Never answer after this many candidates. */
    volatile int hangAfter = Integer.MAX_VALUE;

    /** Ends the stream in place of the summary. */
    volatile @Nullable StatusRuntimeException breakdown;

    volatile List<String> warnings = List.of();
    /** Of the summary. */
    volatile List<String> judgesWarnings = List.of();

    volatile boolean pictures = true;
    /** Every candidate scores 0. */
    volatile boolean indifferent;

    volatile int pictureSide = 64;
    final CountDownLatch hanging = new CountDownLatch(1);
    final CountDownLatch cancelled = new CountDownLatch(1);

    Service open() {
        String name = "fake-" + UUID.randomUUID();
        try {
            Server server = InProcessServerBuilder.forName(name)
                    .addService(this)
                    .build()
                    .start();
            return new Service("fake", InProcessChannelBuilder.forName(name).build(), server::shutdownNow);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void getCapabilities(GetCapabilitiesRequest request, StreamObserver<GetCapabilitiesResponse> responses) {
        GetCapabilitiesResponse.Builder response =
                GetCapabilitiesResponse.newBuilder().setVersion("9.9.9").setDefaultBackbone("shapes");
        response.addBackbonesBuilder()
                .setId("shapes")
                .setFamily("shapes")
                .setNativeSize(64)
                .setAttention(true);
        response.addDevicesBuilder()
                .setName("cpu")
                .setMemoryTotal(8_000_000_000L)
                .setMemoryFree(3_000_000_000L);
        response.addVerifiersBuilder().setName("clip-class").setTakesLabel(true);
        response.addVerifiersBuilder().setName("clip-l14");
        responses.onNext(response.build());
        responses.onCompleted();
    }

    @Override
    public void optimizeNoise(OptimizeNoiseRequest request, StreamObserver<OptimizeNoiseResponse> responses) {
        this.request = request;
        if (refusal != null) {
            responses.onError(refusal);
            return;
        }
        io.grpc.Context.current().addListener(context -> cancelled.countDown(), Runnable::run);
        int count = request.hasVerifier()
                ? request.getBudget().getPictures()
                : request.getBudget().getLossEvaluations();
        responses.onNext(OptimizeNoiseResponse.newBuilder()
                .setAccepted(accepted(request))
                .build());
        List<Candidate> candidates = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            if (index == hangAfter) {
                hanging.countDown();
                return;
            }
            Candidate candidate = candidate(request, index);
            candidates.add(candidate);
            responses.onNext(
                    OptimizeNoiseResponse.newBuilder().setCandidate(candidate).build());
            OptimizeNoiseResponse.Builder progress = OptimizeNoiseResponse.newBuilder();
            progress.getProgressBuilder()
                    .setLossEvaluations(index + 1)
                    .setFraction((index + 1) / (double) count)
                    .setBestScore(candidates.stream()
                            .mapToDouble(Candidate::getScore)
                            .min()
                            .orElseThrow());
            progress.getProgressBuilder().getElapsedBuilder().setSeconds(index + 1);
            responses.onNext(progress.build());
        }
        if (breakdown != null) {
            responses.onError(breakdown);
            return;
        }
        responses.onNext(OptimizeNoiseResponse.newBuilder()
                .setSummary(summary(request, candidates))
                .build());
        responses.onCompleted();
    }

    private Accepted accepted(OptimizeNoiseRequest request) {
        Accepted.Builder accepted = Accepted.newBuilder()
                .setSearchId(request.getSearchId())
                .setBackbone("shapes")
                .setBudget(Budget.newBuilder()
                        .setLossEvaluations(request.getBudget().getLossEvaluations()))
                .addAllNoiseShape(List.of(1L, 4L, 2L, 2L))
                .addAllWarnings(warnings);
        request.getVerifier()
                .getVerifiersList()
                .forEach(verifier -> accepted.addVerifiers(
                        verifier.toBuilder().setWeight(verifier.getWeight() == 0 ? 1 : verifier.getWeight())));
        accepted.addSubjectsBuilder()
                .setText("circle")
                .addAttributes("red")
                .addTokenIndices(2)
                .addTokenIndices(3);
        return accepted.build();
    }

    private Candidate candidate(OptimizeNoiseRequest request, int index) {
        double score = indifferent ? 0 : 1 - index * 0.618 % 1;
        Candidate.Builder candidate =
                Candidate.newBuilder().setIndex(index).setScore(score).setScoreIsLoss(!request.hasVerifier());
        request.getVerifier().getVerifiersList().forEach(verifier -> candidate.putTerms(verifier.getName(), score));
        if (!request.hasVerifier()) {
            candidate.putTerms("contrastive", score).putTerms("infinite", Double.POSITIVE_INFINITY);
        }
        candidate
                .getRecipeBuilder()
                .setSeed(index == 0 ? request.getSeed() : 1000 + index)
                .setSource(request.getNoiseSource())
                .addAllShape(List.of(1L, 4L, 2L, 2L));
        if (request.getAttention().getOptimize() && index > 0) {
            candidate
                    .getRecipeBuilder()
                    .addStepsBuilder()
                    .getOptimizationBuilder()
                    .setAlgorithm("initno")
                    .setLossEvaluations(10);
        }
        return candidate.build();
    }

    private Summary summary(OptimizeNoiseRequest request, List<Candidate> candidates) {
        Summary.Builder summary = Summary.newBuilder()
                .setStopReason(StopReason.STOP_REASON_BUDGET)
                .setBaseline(illustrated(candidates.get(0)));
        candidates.stream()
                .sorted(Comparator.comparingDouble(
                        candidate -> candidate.getScoreIsLoss() ? candidate.getScore() : -candidate.getScore()))
                .limit(Math.max(1, request.getOutput().getBest()))
                .map(this::illustrated)
                .forEach(summary::addBest);
        summary.addAllWarnings(judgesWarnings);
        summary.getSpentBuilder().setLossEvaluations(candidates.size());
        summary.getSpentBuilder().getElapsedBuilder().setSeconds(1).setNanos(500_000_000);
        return summary.build();
    }

    private Candidate illustrated(Candidate candidate) {
        Candidate.Builder builder = candidate.toBuilder();
        if (pictures) {
            int colour = candidate.getIndex() * 0x081018 & 0xffffff;
            builder.setPreviewPng(ByteString.copyFrom(new Canvas(pictureSide, pictureSide, colour).toPng()));
        }
        builder.getNoiseBuilder()
                .setDataType(DataType.DATA_TYPE_FLOAT32)
                .addAllShape(List.of(1L, 4L, 2L, 2L))
                .setData(ByteString.copyFrom(noise(candidate.getIndex())));
        return builder.build();
    }

    static byte[] noise(int index) {
        ByteBuffer bytes = ByteBuffer.allocate(16 * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < 16; i++) {
            bytes.putFloat(index + i / 16f);
        }
        return bytes.array();
    }

    static StatusRuntimeException refused(Status.Code code, String description) {
        return StatusProto.toStatusRuntimeException(com.google.rpc.Status.newBuilder()
                .setCode(code.value())
                .setMessage(description)
                .build());
    }
}
