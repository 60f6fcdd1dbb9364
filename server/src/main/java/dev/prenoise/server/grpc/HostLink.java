package dev.prenoise.server.grpc;

import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.engine.Host;
import dev.prenoise.engine.HostProfile;
import dev.prenoise.image.Picture;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.v1.AttentionGradient;
import dev.prenoise.v1.DataType;
import dev.prenoise.v1.Evaluate;
import dev.prenoise.v1.HostEvaluation;
import dev.prenoise.v1.HostWalk;
import dev.prenoise.v1.OptimizeNoiseOnHostRequest.MessageCase;
import dev.prenoise.v1.OptimizeNoiseOnHostResponse;
import dev.prenoise.verifier.Shot;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

/** A host behind a call: questions as messages, answers checked. Belongs to the search's thread. */
final class HostLink implements Host {
    private final HostExchange exchange;
    private final HostAnswers answers;
    private final BooleanSupplier stopped;
    private long asked;
    private DataType mapType = DataType.DATA_TYPE_FLOAT32;
    private int width;
    private int height;

    /**
     * @param tokens the greatest token index of a subject; -1 = none
     * @param stopped whether the search is to stop
     */
    HostLink(HostExchange exchange, HostProfile profile, int tokens, Limits limits, BooleanSupplier stopped) {
        this.exchange = exchange;
        this.answers = new HostAnswers(profile, tokens, limits);
        this.stopped = stopped;
    }

    @Override
    public List<AttentionMaps> attention(List<Noise> noises, boolean self, boolean keepGraph) {
        Evaluate.Builder question =
                Evaluate.newBuilder().setAttention(true).setSelfAttention(self).setGradientFollows(keepGraph);
        noises.forEach(noise -> question.addNoise(Tensors.of(noise)));
        HostEvaluation answer = ask(question);
        answers.requireOnly(answer, true, false, false, false);
        List<AttentionMaps> maps = answers.maps(answer, noises.size(), self);
        mapType = answer.getAttention(0).getCrossAttention().getDataType();
        return maps;
    }

    @Override
    public List<Shot> pictures(List<SeededNoise> noises, boolean predictions, boolean keepGraph) {
        Evaluate.Builder question =
                seeded(noises).setImages(true).setPredictions(predictions).setGradientFollows(keepGraph);
        HostEvaluation answer = ask(question);
        answers.requireOnly(answer, false, true, predictions, false);
        List<Picture> images = answers.pictures("images", answer.getImagesList(), noises.size());
        List<Picture> onTheWay =
                predictions ? answers.pictures("predictions", answer.getPredictionsList(), noises.size()) : List.of();
        width = images.get(0).width();
        height = images.get(0).height();
        return IntStream.range(0, images.size())
                .mapToObj(i -> new Shot(images.get(i), predictions ? onTheWay.get(i) : null))
                .toList();
    }

    @Override
    public Walked walk(List<SeededNoise> latents, int from, int to, boolean pictures) {
        Evaluate.Builder question = seeded(latents)
                .setImages(pictures)
                .setWalk(HostWalk.newBuilder().setFrom(from).setTo(to));
        HostEvaluation answer = ask(question);
        answers.requireOnly(answer, false, pictures, false, true);
        List<Noise> ends = from == to
                ? latents.stream().map(SeededNoise::noise).toList()
                : answers.noises("evaluation.latents", answer.getLatentsList(), latents.size());
        return new Walked(ends, pictures ? answers.pictures("images", answer.getImagesList(), latents.size()) : null);
    }

    private static Evaluate.Builder seeded(List<SeededNoise> noises) {
        Evaluate.Builder question = Evaluate.newBuilder();
        noises.forEach(each -> question.addNoise(Tensors.of(each.noise())).addSeeds(each.seed()));
        return question;
    }

    private HostEvaluation ask(Evaluate.Builder question) {
        asked++;
        HostEvaluation answer = exchange.ask(
                        OptimizeNoiseOnHostResponse.newBuilder()
                                .setEvaluate(question.setEvaluationId(asked))
                                .build(),
                        MessageCase.EVALUATION,
                        asked,
                        stopped)
                .getEvaluation();
        HostAnswers.requireNoError("evaluation", asked, answer.getError());
        return answer;
    }

    @Override
    public Noise backward(AttentionMaps ofMaps) {
        return gradient(AttentionGradient.newBuilder().addAttention(maps(ofMaps)));
    }

    /** In float64 where the maps came so. */
    private dev.prenoise.v1.AttentionMaps maps(AttentionMaps maps) {
        dev.prenoise.v1.AttentionMaps.Builder message = dev.prenoise.v1.AttentionMaps.newBuilder()
                .setCrossAttention(Tensors.of(maps.cross(), mapType, maps.rows(), maps.columns(), maps.tokens()));
        double[] self = maps.self();
        if (self != null) {
            message.setSelfAttention(Tensors.of(self, mapType, maps.rows(), maps.columns(), maps.patches()));
        }
        return message.build();
    }

    @Override
    public Noise backwardOfPicture(float[] ofPicture) {
        return gradient(AttentionGradient.newBuilder().addImages(Tensors.of(ofPicture, 3, height, width)));
    }

    private Noise gradient(AttentionGradient.Builder question) {
        var answer = exchange.ask(
                        OptimizeNoiseOnHostResponse.newBuilder()
                                .setGradient(question.setEvaluationId(asked))
                                .build(),
                        MessageCase.GRADIENT,
                        asked,
                        stopped)
                .getGradient();
        HostAnswers.requireNoError("gradient", asked, answer.getError());
        return answers.noises("gradient.noise_gradient", answer.getNoiseGradientList(), 1)
                .get(0);
    }
}
