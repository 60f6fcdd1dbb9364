package dev.prenoise.search;

import dev.prenoise.noise.Noise;
import java.util.List;

/**
 * An evaluator that draws pictures and can stop on the way: what search over paths needs beside scores (Ma et al., arXiv 2501.09732,
 * section 3.2). The walk between levels is a deterministic sampler's, one denoiser call for each level and point, whatever sampler the
 * pictures themselves are drawn by. A search brings up to {@link #maxBatch} points of one level to {@link #walk}, {@link #look} and
 * {@link #back}, and walks level by level.
 */
public interface PathEvaluator extends Evaluator {
    /**
     * Noise levels in flow time (share of noise, 1 = noise alone, 0 = none), falling: {@code sigma / (1 + sigma)} where latents are {@code x0 +
     * sigma e}. The first is where noise starts, the last where pictures end.
     */
    List<Double> levels();

    /** What moving one point by one level costs, and what looking at it on the way costs. */
    Spend callCost();

    /** The points at another, lower or equal, noise level: {@code level - point.level()} denoiser calls each. */
    List<PathPoint> walk(List<PathPoint> points, int level);

    /**
     * Noise added, back to a higher level; no denoiser call. {@code x_r = a x_s + sqrt(...) e} by the model's own parameterisation.
     *
     * @param seeds of e, one for each point, unsigned
     */
    List<PathPoint> addNoise(List<PathPoint> points, int level, List<Long> seeds);

    /** Scores the pictures predicted at the points: one denoiser call each, none at the last level. */
    List<Evaluation> look(List<PathPoint> points);

    /**
     * The unit noise from which the walk comes to each point: {@link #backCalls} denoiser calls for each level and point.
     */
    List<Noise> back(List<PathPoint> points);

    /** Denoiser calls that one point takes to go back one level. */
    int backCalls();
}
