package dev.prenoise.engine;

import dev.prenoise.diffusion.Denoiser;
import dev.prenoise.diffusion.ProbabilityFlow;
import dev.prenoise.diffusion.Sampler;
import dev.prenoise.diffusion.Samplers;
import dev.prenoise.diffusion.SamplingPlan;
import dev.prenoise.diffusion.StepListener;
import dev.prenoise.diffusion.Trajectory;
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
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.verifier.Shot;
import dev.prenoise.verifier.VerifierException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Draws the picture of each noise and has it judged. Pictures are drawn as the session draws them, in batches of the same size, so that what
 * was scored is, to the bit, what a preview shows.
 *
 * <p>Points on the way hold latents in the plan's own scale ({@code x0 + sigma * e}, or a flow's), but for those of level 0, which are unit
 * noise.
 */
final class PictureEvaluator implements PathEvaluator {
    /**
     * Denoiser calls for each level on the way back. What the walk from the noise found misses of where it came from, root mean square of the
     * latents, median of four points with fresh noise halfway down, built-in model: 17 % at 5 steps, 16 % at 6, 24 % at 10 and 2 % at 20, where
     * as many calls of plain fixed-point iteration miss 57, 56, 77 and 66 %.
     */
    static final int BACK_CALLS = 4;

    /** Flow time of the prediction that verifiers compare the picture with (Ma et al.). */
    private static final double PREDICTION_TIME = 0.4;

    private final Drawing drawing;
    private final SamplingPlan plan;
    private final Sampler sampler;
    private final Judging judging;
    private final PictureOptions options;
    private final Batches batches;
    private final @Nullable PictureCache cache;

    /**
     * @param plan of the pictures that are judged
     * @param cache of the session's own pictures; null where those that are judged are others
     */
    PictureEvaluator(
            Drawing drawing,
            SamplingPlan plan,
            Panel panel,
            PictureOptions options,
            Batches batches,
            @Nullable PictureCache cache) {
        this.drawing = drawing;
        this.plan = plan;
        this.sampler = Samplers.of(plan.sampler());
        this.judging = new Judging(panel, options.stopped());
        this.options = options;
        this.batches = batches;
        this.cache = cache;
    }

    @Override
    public int maxBatch() {
        return batches.size();
    }

    @Override
    public boolean lowerIsBetter() {
        return false;
    }

    @Override
    public boolean differentiable() {
        return judging.differentiable();
    }

    @Override
    public Spend cost() {
        return calls(sampler.calls(plan));
    }

    /** A call on the way back counts as three forward, of which one is the call computed again (Ma et al.; ALGORITHMS 6.4). */
    @Override
    public Spend gradientCost() {
        int there = sampler.calls(plan);
        int back = Trajectory.callsBack(
                sampler,
                plan,
                options.gradientSteps(),
                drawing.model().schedule().prediction());
        Spend made = calls(there + back);
        return new Spend(0, there + 3 * back, made.denoiserCalls(), made.batchRows());
    }

    private Spend calls(int count) {
        return new Spend(0, count, count * drawing.networkCalls(), count * drawing.rows());
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
        return judged(noises, part -> {
            List<Shot> shots = batches.each(part, this::draw);
            for (int i = 0; i < part.size() && cache != null; i++) {
                cache.put(part.get(i), shots.get(i).picture());
            }
            return shots;
        });
    }

    @Override
    public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
        return evaluateSeededWithGradient(SeededNoise.unseeded(noises));
    }

    /**
     * Through verifier, decoder and solver. The gradient of one member's score; of several, the weighted sum of their gradients, each made of
     * length 1 at the picture, as their scales have nothing in common.
     */
    @Override
    public List<Evaluation> evaluateSeededWithGradient(List<SeededNoise> noises) {
        if (!differentiable()) {
            throw new UnsupportedOperationException("gradient: of verifiers that have none");
        }
        return noises.stream()
                .map(noise -> options.turns().take(() -> batches.withGradient(() -> withGradient(noise))))
                .toList();
    }

    private Evaluation withGradient(SeededNoise noise) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                Trajectory run = Trajectory.sample(
                        sampler,
                        Noises.stack(drawing.compute(), List.of(noise.noise())),
                        plan,
                        stoppable(drawing.denoiser(1)),
                        Noises.ofSteps(drawing.compute(), List.of(noise)),
                        StepListener.NONE)) {
            Tensor images = drawing.decode(run.latents());
            Picture picture = Pictures.of(images);
            Judging.Scores scores = new Judging.Scores();
            judging.ask(List.of(new Shot(picture, null)), false, scores);
            if (cache != null) {
                cache.put(noise, picture);
            }
            Tensor ofLatents = drawing.decodeBack(run.latents(), judging.gradient(Pictures.unit(images)));
            Tensor gradient;
            try {
                gradient = run.gradient(ofLatents, stoppable(drawing.denoiser(1)), options.gradientSteps());
            } catch (ArithmeticException e) {
                throw new ModelException(String.valueOf(e.getMessage()), e);
            }
            Evaluation plain = judging.evaluations(scores, 1).get(0);
            return new Evaluation(
                    plain.score(), plain.terms(), Noise.of(noise.noise().shape(), gradient.toFloats()));
        }
    }

    /** Batch by batch: shots are taken and judged here in one turn at the device, and judged elsewhere outside of it. */
    private <N> List<Evaluation> judged(List<N> all, Function<List<N>, List<Shot>> draw) {
        List<Evaluation> evaluations = new ArrayList<>();
        while (evaluations.size() < all.size()) {
            int from = evaluations.size();
            List<N> part = all.subList(from, Math.min(all.size(), from + batches.size()));
            Judging.Scores scores = new Judging.Scores();
            List<Shot> shots = options.turns().take(() -> {
                List<Shot> drawn = draw.apply(part);
                judging.ask(drawn, false, scores);
                return drawn;
            });
            judging.ask(shots, true, scores);
            evaluations.addAll(judging.evaluations(scores, part.size()));
        }
        return evaluations;
    }

    // ---- pictures ----

    private List<Shot> draw(List<SeededNoise> part, int size) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            List<SeededNoise> batch = Noises.filled(part, size);
            Tensor noise = Noises.stack(
                    drawing.compute(), batch.stream().map(SeededNoise::noise).toList());
            int wanted = judging.readsPrediction() ? predictionStep() : -1;
            List<float[]> heard = new ArrayList<>();
            Tensor latents = sampler.sample(
                    noise,
                    plan,
                    stoppable(drawing.denoiser(size)),
                    Noises.ofSteps(drawing.compute(), batch),
                    (step, steps, x0) -> {
                        if (step - 1 == wanted) {
                            heard.add(x0.toFloats());
                        }
                    });
            List<Picture> pictures = pictures(latents, part.size());
            List<Picture> predictions = heard.isEmpty()
                    ? List.of()
                    : pictures(Tensor.of(drawing.compute(), heard.get(0), latents.shape()), part.size());
            return IntStream.range(0, part.size())
                    .mapToObj(i -> new Shot(pictures.get(i), predictions.isEmpty() ? null : predictions.get(i)))
                    .toList();
        }
    }

    /** The first at or below the noise level that is compared with; the last where there is none. */
    private int predictionStep() {
        return IntStream.range(0, plan.steps())
                .filter(step -> levels().get(step) <= PREDICTION_TIME)
                .findFirst()
                .orElse(plan.steps() - 1);
    }

    private List<Picture> pictures(Tensor latents, int count) {
        Tensor images = drawing.decode(latents);
        List<Picture> pictures = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            pictures.add(Pictures.of(images.narrow(0, i, 1)));
        }
        return pictures;
    }

    private Denoiser stoppable(Denoiser denoiser) {
        return new Denoiser() {
            @Override
            public Tensor x0(Tensor x, double sigma, double timestep) {
                if (options.stopped().getAsBoolean()) {
                    throw new CancellationException("stopped before a denoiser call");
                }
                return denoiser.x0(x, sigma, timestep);
            }

            @Override
            public double inputScale(double sigma) {
                return denoiser.inputScale(sigma);
            }

            @Override
            public double signal(double sigma) {
                return denoiser.signal(sigma);
            }
        };
    }

    // ---- paths ----

    @Override
    public List<Double> levels() {
        return plan.sigmas().stream()
                .map(sigma -> drawing.model().schedule().prediction().flowTime(sigma))
                .toList();
    }

    private int lastLevel() {
        return plan.steps();
    }

    @Override
    public Spend callCost() {
        return calls(1);
    }

    @Override
    public int backCalls() {
        return BACK_CALLS;
    }

    @Override
    public List<PathPoint> walk(List<PathPoint> points, int level) {
        return moved(points, level, (flow, x, from, to) -> {
            Tensor at = x;
            for (int i = from; i < to; i++) {
                at = flow.down(at, i);
            }
            return at;
        });
    }

    @Override
    public List<PathPoint> addNoise(List<PathPoint> points, int level, List<Long> seeds) {
        List<PathPoint> results = new ArrayList<>();
        try (GradMode off = GradMode.off()) {
            for (int i = 0; i < points.size(); i++) {
                PathPoint point = points.get(i);
                long[] shape = point.latents().shape();
                Noise e = NoiseGenerator.generate(NoiseSource.NV_PHILOX, seeds.get(i), shape);
                results.add(options.turns().take(() -> {
                    try (Scope scope = new Scope()) {
                        ProbabilityFlow flow = new ProbabilityFlow(plan, drawing.denoiser(1));
                        Tensor x = latents(flow, List.of(point), point.level());
                        Tensor noisy =
                                flow.addNoise(x, point.level(), level, Noises.stack(drawing.compute(), List.of(e)));
                        return point(flow, noisy, level, 0, point);
                    }
                }));
            }
        }
        return results;
    }

    /**
     * @throws VerifierException when a member compares the picture with its prediction, which a point on the way is itself
     */
    @Override
    public List<Evaluation> look(List<PathPoint> points) {
        judging.requireNoPredictions();
        return judged(
                points,
                part -> ByLevel.each(
                        part,
                        (same, level) -> batches.each(same, (few, size) -> {
                            try (GradMode off = GradMode.off();
                                    Scope scope = new Scope()) {
                                ProbabilityFlow flow = flow(size);
                                Tensor x = latents(flow, Noises.filled(few, size), level);
                                Tensor clean = level == lastLevel() ? flow.end(x) : flow.x0(x, level);
                                return pictures(clean, few.size()).stream()
                                        .map(picture -> new Shot(picture, null))
                                        .toList();
                            }
                        })));
    }

    @Override
    public List<Noise> back(List<PathPoint> points) {
        return moved(points, 0, (flow, x, from, to) -> flow.back(x, from, BACK_CALLS)).stream()
                .map(PathPoint::latents)
                .toList();
    }

    /** A way from one level to another. */
    private interface Way {
        Tensor go(ProbabilityFlow flow, Tensor x, int from, int to);
    }

    private List<PathPoint> moved(List<PathPoint> points, int to, Way way) {
        return ByLevel.each(
                points,
                (same, from) -> from == to
                        ? same
                        : options.turns()
                                .take(() -> batches.each(same, (part, size) -> {
                                    try (GradMode off = GradMode.off();
                                            Scope scope = new Scope()) {
                                        ProbabilityFlow flow = flow(size);
                                        Tensor x =
                                                way.go(flow, latents(flow, Noises.filled(part, size), from), from, to);
                                        List<PathPoint> results = new ArrayList<>();
                                        for (int i = 0; i < part.size(); i++) {
                                            results.add(point(flow, x, to, i, part.get(i)));
                                        }
                                        return results;
                                    }
                                })));
    }

    private ProbabilityFlow flow(int batch) {
        return new ProbabilityFlow(plan, stoppable(drawing.denoiser(batch)));
    }

    private Tensor latents(ProbabilityFlow flow, List<PathPoint> points, int level) {
        Tensor stacked = Noises.stack(
                drawing.compute(), points.stream().map(PathPoint::latents).toList());
        return level == 0 ? flow.start(stacked) : stacked;
    }

    private static PathPoint point(ProbabilityFlow flow, Tensor x, int level, int index, PathPoint from) {
        Tensor one = x.narrow(0, index, 1);
        Tensor kept = level == 0 ? flow.noise(one) : one;
        return new PathPoint(level, Noise.of(from.latents().shape(), kept.toFloats()), from.seed());
    }
}
