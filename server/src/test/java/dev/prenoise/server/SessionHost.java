package dev.prenoise.server;

import com.google.protobuf.ByteString;
import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.attention.LossValue;
import dev.prenoise.attention.TokenGroup;
import dev.prenoise.engine.Panel;
import dev.prenoise.engine.PictureOptions;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.image.Picture;
import dev.prenoise.image.Png;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.PathEvaluator;
import dev.prenoise.search.PathPoint;
import dev.prenoise.v1.AttentionGradient;
import dev.prenoise.v1.DataType;
import dev.prenoise.v1.Evaluate;
import dev.prenoise.v1.HostEvaluation;
import dev.prenoise.v1.HostGradient;
import dev.prenoise.v1.OptimizeNoiseOnHostRequest;
import dev.prenoise.v1.OptimizeNoiseOnHostResponse;
import dev.prenoise.v1.Tensor;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Shot;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A host whose model is a session of the engine's: what it is asked for it has the session compute, and hands on. Where a graph should be
 * kept it keeps the noise, and computes again with the gradient that it is sent.
 */
final class SessionHost implements HostClient.Answering {
    private final PromptSession session;
    private final PictureOptions options;
    private List<Noise> kept = List.of();
    private List<Long> keptSeeds = List.of();
    private boolean keptSelf;

    SessionHost(PromptSession session, PictureOptions options) {
        this.session = session;
        this.options = options;
    }

    @Override
    public OptimizeNoiseOnHostRequest answer(OptimizeNoiseOnHostResponse question) {
        OptimizeNoiseOnHostRequest.Builder answer = OptimizeNoiseOnHostRequest.newBuilder();
        return question.hasGradient()
                ? answer.setGradient(gradient(question.getGradient())).build()
                : answer.setEvaluation(evaluation(question.getEvaluate())).build();
    }

    /** As many noises as it computes at once. */
    int maxBatch() {
        return attention(new Maps(false, null)).maxBatch();
    }

    private HostEvaluation evaluation(Evaluate question) {
        HostEvaluation.Builder answer = HostEvaluation.newBuilder().setEvaluationId(question.getEvaluationId());
        List<Noise> noises =
                question.getNoiseList().stream().map(SessionHost::noise).toList();
        if (question.getGradientFollows()) {
            kept = noises;
            keptSeeds = question.getSeedsList();
            keptSelf = question.getSelfAttention();
        }
        if (question.getAttention()) {
            Maps maps = new Maps(question.getSelfAttention(), null);
            if (question.getGradientFollows()) {
                // alone, as it will be computed again
                attention(maps).evaluateWithGradient(noises);
            } else {
                attention(maps).evaluate(noises);
            }
            maps.seen.forEach(each -> answer.addAttention(message(each, question.getSelfAttention())));
        }
        if (question.hasWalk()) {
            walk(question, noises, answer);
        } else if (question.getImages()) {
            Pictures pictures = new Pictures(question.getPredictions(), null);
            pictures(pictures).evaluateSeeded(seeded(noises, question.getSeedsList()));
            for (Shot shot : pictures.seen) {
                answer.addImages(png(shot.picture()));
                if (shot.prediction() != null) {
                    answer.addPredictions(png(shot.prediction()));
                }
            }
        }
        return answer.build();
    }

    private void walk(Evaluate question, List<Noise> noises, HostEvaluation.Builder answer) {
        int from = question.getWalk().getFrom();
        int to = question.getWalk().getTo();
        Pictures pictures = new Pictures(false, null);
        PathEvaluator evaluator = pictures(pictures);
        List<PathPoint> points = IntStream.range(0, noises.size())
                .mapToObj(i -> new PathPoint(from, noises.get(i), question.getSeeds(i)))
                .toList();
        if (to < from) {
            evaluator.back(points).forEach(noise -> answer.addLatents(tensor(noise)));
            return;
        }
        List<PathPoint> ends = evaluator.walk(points, to);
        ends.forEach(end -> answer.addLatents(tensor(end.latents())));
        if (question.getImages()) {
            evaluator.look(ends);
            pictures.seen.forEach(shot -> answer.addImages(png(shot.picture())));
        }
    }

    private HostGradient gradient(AttentionGradient question) {
        HostGradient.Builder answer = HostGradient.newBuilder().setEvaluationId(question.getEvaluationId());
        for (int i = 0; i < kept.size(); i++) {
            Noise gradient = question.getAttentionCount() > 0
                    ? attention(new Maps(keptSelf, question.getAttention(i)))
                            .evaluateWithGradient(List.of(kept.get(i)))
                            .get(0)
                            .gradient()
                    : pictures(new Pictures(false, question.getImages(i)))
                            .evaluateSeededWithGradient(List.of(new SeededNoise(kept.get(i), keptSeeds.get(i))))
                            .get(0)
                            .gradient();
            answer.addNoiseGradient(tensor(gradient));
        }
        return answer.build();
    }

    private dev.prenoise.search.Evaluator attention(Maps loss) {
        return session.attention(loss);
    }

    private PathEvaluator pictures(Pictures judge) {
        return session.pictures(new Panel(List.of(new Panel.Member("host", judge, 1))), options);
    }

    /** A loss that keeps what it is shown, and has the gradient that it is given: none is 0. */
    private static final class Maps implements AttentionLoss {
        final List<AttentionMaps> seen = new ArrayList<>();
        private final boolean self;
        private final dev.prenoise.v1.@Nullable AttentionMaps slope;

        Maps(boolean self, dev.prenoise.v1.@Nullable AttentionMaps slope) {
            this.self = self;
            this.slope = slope;
        }

        @Override
        public String name() {
            return "host";
        }

        @Override
        public boolean readsSelfAttention() {
            return self;
        }

        @Override
        public LossValue evaluate(AttentionMaps maps, List<TokenGroup> subjects, boolean gradient) {
            seen.add(maps);
            double[] cross = slope == null ? new double[maps.cross().length] : doubles(slope.getCrossAttention());
            double[] ofSelf = slope == null || !slope.hasSelfAttention() ? null : doubles(slope.getSelfAttention());
            return new LossValue(
                    0, Map.of(), new AttentionMaps(maps.rows(), maps.columns(), maps.tokens(), cross, ofSelf));
        }
    }

    /** A judge that keeps what it is shown, and has the gradient that it is given. */
    private static final class Pictures implements Judge {
        final List<Shot> seen = new ArrayList<>();
        private final boolean predictions;
        private final @Nullable Tensor slope;

        Pictures(boolean predictions, @Nullable Tensor slope) {
            this.predictions = predictions;
            this.slope = slope;
        }

        @Override
        public double[] score(List<Shot> shots) {
            seen.addAll(shots);
            return new double[shots.size()];
        }

        @Override
        public boolean readsPrediction() {
            return predictions;
        }

        @Override
        public boolean differentiable() {
            return true;
        }

        @Override
        public dev.prenoise.tensor.Tensor scoreTensor(dev.prenoise.tensor.Tensor images) {
            return images.mul(dev.prenoise.tensor.Tensor.of(images.compute(), floats(slope), images.shape()))
                    .sum();
        }
    }

    // ---- messages ----

    private static List<SeededNoise> seeded(List<Noise> noises, List<Long> seeds) {
        return IntStream.range(0, noises.size())
                .mapToObj(i -> new SeededNoise(noises.get(i), seeds.get(i)))
                .toList();
    }

    private static dev.prenoise.v1.AttentionMaps message(AttentionMaps maps, boolean self) {
        dev.prenoise.v1.AttentionMaps.Builder message = dev.prenoise.v1.AttentionMaps.newBuilder()
                .setCrossAttention(tensor(maps.cross(), maps.rows(), maps.columns(), maps.tokens()));
        if (self) {
            message.setSelfAttention(tensor(maps.self(), maps.rows(), maps.columns(), maps.patches()));
        }
        return message.build();
    }

    private static ByteString png(Picture picture) {
        return ByteString.copyFrom(Png.encode(picture));
    }

    static Noise noise(Tensor tensor) {
        return Noise.of(
                tensor.getShapeList().stream().mapToLong(Long::longValue).toArray(), floats(tensor));
    }

    static Tensor tensor(Noise noise) {
        return tensor(noise.data(), noise.shape());
    }

    static Tensor tensor(float[] values, long... shape) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return Tensor.newBuilder()
                .setDataType(DataType.DATA_TYPE_FLOAT32)
                .addAllShape(Arrays.stream(shape).boxed().toList())
                .setData(ByteString.copyFrom(bytes))
                .build();
    }

    /** As the engine has maps. */
    private static Tensor tensor(double[] values, long... shape) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asDoubleBuffer().put(values);
        return Tensor.newBuilder()
                .setDataType(DataType.DATA_TYPE_FLOAT64)
                .addAllShape(Arrays.stream(shape).boxed().toList())
                .setData(ByteString.copyFrom(bytes))
                .build();
    }

    private static float[] floats(Tensor tensor) {
        float[] values = new float[tensor.getData().size() / Float.BYTES];
        tensor.getData()
                .asReadOnlyByteBuffer()
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer()
                .get(values);
        return values;
    }

    private static double[] doubles(Tensor tensor) {
        double[] values = new double[tensor.getData().size() / Double.BYTES];
        tensor.getData()
                .asReadOnlyByteBuffer()
                .order(ByteOrder.LITTLE_ENDIAN)
                .asDoubleBuffer()
                .get(values);
        return values;
    }
}
