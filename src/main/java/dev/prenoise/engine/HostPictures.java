package dev.prenoise.engine;

import dev.prenoise.diffusion.Prediction;
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
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.verifier.Shot;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * Has the pictures judged that a host draws. The device is taken for judging alone: while the host is waited for, it is others'.
 *
 * <p>Points on the way hold latents in the host's scale, {@code x0 + sigma e} or a flow's {@code (1 - sigma) x0 + sigma e}, but for those of
 * level 0, which are unit noise.
 */
final class HostPictures implements PathEvaluator {
    private final Host host;
    private final HostProfile profile;
    private final Judging judging;
    private final PictureOptions.Turns turns;
    private final Compute compute;
    private final PictureCache cache;

    /**
     * @param compute where the panel's members compute
     * @param cache of the session's pictures
     */
    HostPictures(
            Host host, HostProfile profile, Panel panel, PictureOptions options, Compute compute, PictureCache cache) {
        this.host = host;
        this.profile = profile;
        this.judging = new Judging(panel, options.stopped());
        this.turns = options.turns();
        this.compute = compute;
        this.cache = cache;
    }

    @Override
    public int maxBatch() {
        return profile.maxBatch();
    }

    @Override
    public boolean lowerIsBetter() {
        return false;
    }

    @Override
    public boolean differentiable() {
        return profile.gradients() && judging.differentiable();
    }

    @Override
    public Spend cost() {
        return calls(profile.pictureCalls());
    }

    /** As the sidecar's own: a call on the way back counts as three forward, of which one is the call computed again. */
    @Override
    public Spend gradientCost() {
        int there = profile.pictureCalls();
        int back = profile.gradientCalls();
        Spend made = calls(there + back);
        return new Spend(0, there + 3 * back, made.denoiserCalls(), made.batchRows());
    }

    private Spend calls(int count) {
        return new Spend(0, count, count, count * profile.rows());
    }

    @Override
    public Ranking ranking() {
        return judging.ranking();
    }

    // ---- scores ----

    @Override
    public List<Evaluation> evaluate(List<Noise> noises) {
        return evaluateSeeded(SeededNoise.unseeded(noises));
    }

    @Override
    public List<Evaluation> evaluateSeeded(List<SeededNoise> noises) {
        List<Shot> shots = host.pictures(noises, judging.readsPrediction(), false);
        for (int i = 0; i < shots.size(); i++) {
            cache.put(noises.get(i), shots.get(i).picture());
        }
        return judged(shots);
    }

    private List<Evaluation> judged(List<Shot> shots) {
        Judging.Scores scores = new Judging.Scores();
        turns.take(() -> {
            judging.ask(shots, false, scores);
            return shots;
        });
        judging.ask(shots, true, scores);
        return judging.evaluations(scores, shots.size());
    }

    @Override
    public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
        return evaluateSeededWithGradient(SeededNoise.unseeded(noises));
    }

    /** Through the verifiers here, and through decoder and solver at the host. One by one: it keeps one graph at a time. */
    @Override
    public List<Evaluation> evaluateSeededWithGradient(List<SeededNoise> noises) {
        if (!differentiable()) {
            throw new UnsupportedOperationException("gradient: of a host or of verifiers that have none");
        }
        return noises.stream().map(this::withGradient).toList();
    }

    private Evaluation withGradient(SeededNoise noise) {
        Shot shot = host.pictures(List.of(noise), false, true).get(0);
        cache.put(noise, shot.picture());
        Judging.Scores scores = new Judging.Scores();
        float[] ofPicture = turns.take(() -> {
            judging.ask(List.of(shot), false, scores);
            try (GradMode off = GradMode.off();
                    Scope scope = new Scope()) {
                return judging.gradient(unit(shot.picture())).toFloats();
            }
        });
        Evaluation plain = judging.evaluations(scores, 1).get(0);
        return new Evaluation(plain.score(), plain.terms(), host.backwardOfPicture(ofPicture));
    }

    /** {@code [1, 3, H, W]} in [0, 1]. */
    private Tensor unit(Picture picture) {
        int pixels = picture.width() * picture.height();
        float[] values = new float[3 * pixels];
        for (int i = 0; i < values.length; i++) {
            values[i] = (picture.rgb()[i % pixels * 3 + i / pixels] & 0xff) / 255f;
        }
        return Tensor.of(compute, values, 1, 3, picture.height(), picture.width());
    }

    // ---- paths ----

    @Override
    public List<Double> levels() {
        return profile.sigmas().stream()
                .map(sigma -> prediction().flowTime(sigma))
                .toList();
    }

    private Prediction prediction() {
        return Objects.requireNonNull(profile.prediction(), "a host that walks says what its network predicts");
    }

    @Override
    public Spend callCost() {
        return calls(1);
    }

    @Override
    public int backCalls() {
        return PictureEvaluator.BACK_CALLS;
    }

    @Override
    public List<PathPoint> walk(List<PathPoint> points, int level) {
        return moved(points, level);
    }

    @Override
    public List<Noise> back(List<PathPoint> points) {
        return moved(points, 0).stream().map(PathPoint::latents).toList();
    }

    private List<PathPoint> moved(List<PathPoint> points, int to) {
        return ByLevel.each(
                points,
                (same, from) -> from == to
                        ? same
                        : batched(same, part -> {
                            List<Noise> ends =
                                    host.walk(seeded(part), from, to, false).latents();
                            return IntStream.range(0, part.size())
                                    .mapToObj(i -> new PathPoint(
                                            to, ends.get(i), part.get(i).seed()))
                                    .toList();
                        }));
    }

    @Override
    public List<Evaluation> look(List<PathPoint> points) {
        judging.requireNoPredictions();
        return ByLevel.each(
                points,
                (same, level) -> batched(same, part -> {
                    List<Picture> pictures = Objects.requireNonNull(
                            host.walk(seeded(part), level, level, true).pictures(), "pictures were asked for");
                    return judged(pictures.stream()
                            .map(picture -> new Shot(picture, null))
                            .toList());
                }));
    }

    private static List<SeededNoise> seeded(List<PathPoint> points) {
        return points.stream()
                .map(point -> new SeededNoise(point.latents(), point.seed()))
                .toList();
    }

    private <T, R> List<R> batched(List<T> all, Function<List<T>, List<R>> work) {
        List<R> results = new ArrayList<>();
        for (int from = 0; from < all.size(); from += maxBatch()) {
            results.addAll(work.apply(all.subList(from, Math.min(all.size(), from + maxBatch()))));
        }
        return results;
    }

    @Override
    public List<PathPoint> addNoise(List<PathPoint> points, int level, List<Long> seeds) {
        return IntStream.range(0, points.size())
                .mapToObj(i -> noisier(points.get(i), level, seeds.get(i)))
                .toList();
    }

    /** {@code k x + sqrt(sigma'^2 - (k sigma)^2) e}, as {@link dev.prenoise.diffusion.ProbabilityFlow#addNoise} has it, in float32. */
    private PathPoint noisier(PathPoint point, int level, long seed) {
        double from = profile.sigmas().get(point.level());
        double to = profile.sigmas().get(level);
        if (to == from) {
            return point;
        }
        if (level == 0) {
            throw new IllegalArgumentException("level: 0 (expected: one at which latents are more than noise)");
        }
        double keep = prediction().signal(to) / prediction().signal(from);
        double left = keep * from;
        float ofLatents = (float) keep;
        float ofNoise = (float) Math.sqrt(to * to - left * left);
        long[] shape = point.latents().shape();
        float[] x = point.latents().data();
        float[] e = NoiseGenerator.generate(NoiseSource.NV_PHILOX, seed, shape).data();
        float[] sum = new float[x.length];
        for (int i = 0; i < sum.length; i++) {
            sum[i] = x[i] * ofLatents + e[i] * ofNoise;
        }
        return new PathPoint(level, Noise.of(shape, sum), point.seed());
    }
}
