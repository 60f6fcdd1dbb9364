package dev.prenoise.server;

import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.engine.Panel;
import dev.prenoise.engine.PictureOptions;
import dev.prenoise.image.Picture;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.PathEvaluator;
import dev.prenoise.search.PathPoint;
import dev.prenoise.search.Ranking;
import dev.prenoise.search.Spend;
import dev.prenoise.verifier.Shot;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Pictures without a network: each denoiser call pulls noise a little towards grey, and brings it back exactly. */
final class FakePictures implements PathEvaluator {
    private static final int STEPS = 4;
    private static final float PULL = 0.8f;
    private static final float GREY = 0.25f;

    private final Panel panel;
    private final PictureOptions options;
    private final Supplier<Integer> batch;
    private final Runnable beforeCall;
    private final int steps;

    /**
     * @param batch how many noises one turn takes
     * @param beforeCall run before each denoiser call
     */
    FakePictures(Panel panel, PictureOptions options, Supplier<Integer> batch, Runnable beforeCall) {
        if (options.steps() > 100) {
            throw new InvalidFieldException("steps", options.steps() + " (expected: 1 to 100)");
        }
        this.panel = panel;
        this.options = options;
        this.batch = batch;
        this.beforeCall = beforeCall;
        steps = options.steps() == 0 ? STEPS : options.steps();
    }

    static Picture picture(Noise noise) {
        byte[] rgb = new byte[8 * 8 * 3];
        for (int i = 0; i < rgb.length; i++) {
            rgb[i] = (byte) Math.max(0, Math.min(255, Math.round(128 + 40 * noise.data()[i % noise.data().length])));
        }
        return new Picture(8, 8, rgb);
    }

    @Override
    public int maxBatch() {
        return batch.get();
    }

    @Override
    public boolean lowerIsBetter() {
        return false;
    }

    @Override
    public boolean differentiable() {
        return true;
    }

    @Override
    public Spend cost() {
        return new Spend(0, steps, steps, 2 * steps);
    }

    @Override
    public Spend gradientCost() {
        return new Spend(0, 2 * steps, 2 * steps, 4 * steps);
    }

    @Override
    public Ranking ranking() {
        return panel.members().size() == 1
                ? Ranking.byScore(false)
                : Ranking.ensemble(
                        panel.members().stream().collect(Collectors.toMap(Panel.Member::name, Panel.Member::weight)));
    }

    @Override
    public List<Evaluation> evaluate(List<Noise> noises) {
        return evaluateSeeded(SeededNoise.unseeded(noises));
    }

    @Override
    public List<Evaluation> evaluateSeeded(List<SeededNoise> noises) {
        return judged(noises, part -> {
            for (int i = 0; i < steps; i++) {
                call();
            }
            return part.stream()
                    .map(each -> moved(each.noise(), 0, steps))
                    .map(FakePictures::picture)
                    .toList();
        });
    }

    @Override
    public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
        return IntStream.range(0, noises.size())
                .mapToObj(i -> {
                    Noise noise = noises.get(i);
                    Evaluation plain = evaluate(List.of(noise)).get(0);
                    float[] slope = new float[noise.data().length];
                    Arrays.fill(slope, 1f / slope.length);
                    return new Evaluation(plain.score(), plain.terms(), Noise.of(noise.shape(), slope));
                })
                .toList();
    }

    private <P> List<Evaluation> judged(List<P> all, Function<List<P>, List<Picture>> draw) {
        Map<String, double[]> scores = new LinkedHashMap<>();
        List<Shot> shots = options.turns().take(() -> {
            List<Shot> drawn = draw.apply(all).stream()
                    .map(picture -> new Shot(picture, null))
                    .toList();
            ask(drawn, false, scores);
            return drawn;
        });
        ask(shots, true, scores);
        List<Evaluation> evaluations = new ArrayList<>();
        for (int i = 0; i < all.size(); i++) {
            Map<String, Double> terms = new LinkedHashMap<>();
            int index = i;
            scores.forEach((name, values) -> terms.put(name, values[index]));
            double score = terms.size() == 1 ? terms.values().iterator().next() : 0;
            evaluations.add(new Evaluation(score, terms, null));
        }
        return evaluations;
    }

    private void ask(List<Shot> shots, boolean remote, Map<String, double[]> scores) {
        for (Panel.Member member : panel.members()) {
            if (member.judge().remote() == remote) {
                scores.put(member.name(), member.judge().score(shots, options.stopped()));
            }
        }
    }

    private void call() {
        if (options.stopped().getAsBoolean()) {
            throw new CancellationException("stopped before a denoiser call");
        }
        beforeCall.run();
    }

    @Override
    public List<Double> levels() {
        return IntStream.rangeClosed(0, steps)
                .mapToObj(i -> 1 - (double) i / steps)
                .toList();
    }

    @Override
    public Spend callCost() {
        return new Spend(0, 1, 1, 2);
    }

    @Override
    public List<PathPoint> walk(List<PathPoint> points, int level) {
        return options.turns().take(() -> points.stream()
                .map(point -> {
                    for (int i = point.level(); i < level; i++) {
                        call();
                    }
                    return new PathPoint(level, moved(point.latents(), point.level(), level), point.seed());
                })
                .toList());
    }

    @Override
    public List<PathPoint> addNoise(List<PathPoint> points, int level, List<Long> seeds) {
        List<PathPoint> results = new ArrayList<>();
        for (int i = 0; i < points.size(); i++) {
            PathPoint point = points.get(i);
            long[] shape = point.latents().shape();
            float[] values = point.latents().data().clone();
            float[] e = NoiseGenerator.generate(NoiseSource.NV_PHILOX, seeds.get(i), shape)
                    .data();
            for (int j = 0; j < values.length; j++) {
                values[j] += 0.4f * e[j];
            }
            results.add(new PathPoint(level, Noise.of(shape, values), point.seed()));
        }
        return results;
    }

    @Override
    public List<Evaluation> look(List<PathPoint> points) {
        return judged(points, part -> part.stream()
                .map(point -> {
                    if (point.level() < steps) {
                        call();
                    }
                    return picture(moved(point.latents(), point.level(), steps));
                })
                .toList());
    }

    @Override
    public List<Noise> back(List<PathPoint> points) {
        return options.turns().take(() -> points.stream()
                .map(point -> {
                    for (int i = 0; i < point.level() * backCalls(); i++) {
                        call();
                    }
                    return moved(point.latents(), point.level(), 0);
                })
                .toList());
    }

    @Override
    public int backCalls() {
        return 2;
    }

    private static Noise moved(Noise noise, int from, int to) {
        float[] values = noise.data().clone();
        for (int step = from; step != to; step += from < to ? 1 : -1) {
            for (int i = 0; i < values.length; i++) {
                values[i] = from < to ? PULL * values[i] + (1 - PULL) * GREY : (values[i] - (1 - PULL) * GREY) / PULL;
            }
        }
        return Noise.of(noise.shape(), values);
    }
}
