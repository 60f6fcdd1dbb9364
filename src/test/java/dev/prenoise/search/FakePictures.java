package dev.prenoise.search;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Draws by the exact probability flow of a normal distribution: each latent's walk is a change of scale, so that the way back is the
 * identity. Two smooth verifiers judge. Counts every denoiser call that it makes.
 */
final class FakePictures implements PathEvaluator {
    private static final double DEVIATION = 0.5;
    private static final Spend CALL = new Spend(0, 1, 1, 2);

    final List<Integer> batches = new ArrayList<>();
    final List<Double> looks = new ArrayList<>();
    int steps = 6;
    int maxBatch = 1;
    int gradientFactor = 4;
    boolean lowerIsBetter;
    boolean differentiable = true;

    @Nullable
    Map<String, Double> weights;

    Predicate<Noise> unjudged = picture -> false;
    int functionEvaluations;
    int gradients;

    static FakePictures batched(int size) {
        FakePictures pictures = new FakePictures();
        pictures.maxBatch = size;
        return pictures;
    }

    /** Two verifiers in an ensemble. */
    static FakePictures ensemble(int batch) {
        FakePictures pictures = batched(batch);
        pictures.weights = Map.of("waves", 1.0, "bowl", 0.7);
        return pictures;
    }

    @Override
    public int maxBatch() {
        return maxBatch;
    }

    @Override
    public boolean lowerIsBetter() {
        return lowerIsBetter;
    }

    @Override
    public boolean differentiable() {
        return differentiable;
    }

    @Override
    public Spend cost() {
        return CALL.times(steps);
    }

    @Override
    public Spend gradientCost() {
        return cost().times(gradientFactor);
    }

    @Override
    public Ranking ranking() {
        return weights == null ? Ranking.byScore(lowerIsBetter) : Ranking.ensemble(weights);
    }

    @Override
    public List<Evaluation> evaluate(List<Noise> noises) {
        take(noises.size(), steps);
        return noises.stream()
                .map(noise -> judge(scaled(noise, 0, steps), null))
                .toList();
    }

    @Override
    public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
        take(noises.size(), steps * gradientFactor);
        gradients++;
        return noises.stream()
                .map(noise -> judge(scaled(noise, 0, steps), gradient(noise)))
                .toList();
    }

    private void take(int size, int calls) {
        if (size < 1 || size > maxBatch) {
            throw new AssertionError("batch of " + size);
        }
        batches.add(size);
        functionEvaluations += size * calls;
    }

    private Evaluation judge(Noise picture, @Nullable Noise gradient) {
        double waves = 0;
        double bowl = 0;
        for (float x : picture.data()) {
            waves += Math.sin(3 * x) + Math.cos(2 * x);
            bowl -= (x - 0.4) * (x - 0.4);
        }
        waves = unjudged.test(picture) ? Double.NaN : waves / picture.data().length;
        double score = weights == null ? (lowerIsBetter ? -waves : waves) : 0;
        Map<String, Double> terms = new LinkedHashMap<>();
        terms.put("waves", waves);
        terms.put("bowl", bowl / picture.data().length);
        return new Evaluation(score, terms, gradient);
    }

    /** Of the first verifier's score. */
    private Noise gradient(Noise noise) {
        double scale = deviation(steps) / deviation(0);
        float[] slope = new float[noise.data().length];
        for (int i = 0; i < slope.length; i++) {
            double x = noise.data()[i] * scale;
            double up = (3 * Math.cos(3 * x) - 2 * Math.sin(2 * x)) * scale / slope.length;
            slope[i] = (float) (lowerIsBetter ? -up : up);
        }
        return Noise.of(noise.shape(), slope);
    }

    // ---- the flow ----

    @Override
    public List<Double> levels() {
        return IntStream.rangeClosed(0, steps)
                .mapToObj(i -> 1 - i / (double) steps)
                .toList();
    }

    @Override
    public Spend callCost() {
        return CALL;
    }

    @Override
    public List<PathPoint> walk(List<PathPoint> points, int level) {
        take(points.size(), level - points.get(0).level());
        return points.stream()
                .map(point -> new PathPoint(level, scaled(point.latents(), point.level(), level), point.seed()))
                .toList();
    }

    @Override
    public List<PathPoint> addNoise(List<PathPoint> points, int level, List<Long> seeds) {
        List<PathPoint> noisy = new ArrayList<>();
        for (int p = 0; p < points.size(); p++) {
            PathPoint point = points.get(p);
            double s = levels().get(point.level());
            double r = levels().get(level);
            double a = (1 - r) / (1 - s);
            double b = Math.sqrt(r * r - a * s * a * s);
            Noise e = NoiseGenerator.generate(
                    NoiseSource.TORCH_CPU, seeds.get(p), point.latents().shape());
            float[] x = new float[e.data().length];
            for (int i = 0; i < x.length; i++) {
                x[i] = (float) (a * point.latents().data()[i] + b * e.data()[i]);
            }
            noisy.add(new PathPoint(level, Noise.of(point.latents().shape(), x), point.seed()));
        }
        return noisy;
    }

    @Override
    public List<Evaluation> look(List<PathPoint> points) {
        take(points.size(), points.get(0).level() == steps ? 0 : 1);
        List<Evaluation> seen = points.stream()
                .map(point -> {
                    double t = levels().get(point.level());
                    double shrink =
                            (1 - t) * DEVIATION * DEVIATION / (deviation(point.level()) * deviation(point.level()));
                    return judge(scaled(point.latents(), shrink), null);
                })
                .toList();
        seen.forEach(look -> looks.add(look.score()));
        return seen;
    }

    @Override
    public List<Noise> back(List<PathPoint> points) {
        take(points.size(), points.get(0).level() * backCalls());
        return points.stream()
                .map(point -> scaled(point.latents(), point.level(), 0))
                .toList();
    }

    @Override
    public int backCalls() {
        return 2;
    }

    private double deviation(int level) {
        double t = levels().get(level);
        return Math.sqrt((1 - t) * (1 - t) * DEVIATION * DEVIATION + t * t);
    }

    private Noise scaled(Noise noise, int from, int to) {
        return scaled(noise, deviation(to) / deviation(from));
    }

    private static Noise scaled(Noise noise, double factor) {
        float[] scaled = new float[noise.data().length];
        for (int i = 0; i < scaled.length; i++) {
            scaled[i] = (float) (noise.data()[i] * factor);
        }
        return Noise.of(noise.shape(), scaled);
    }
}
