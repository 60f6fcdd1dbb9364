package dev.prenoise.server.jobs;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.PathEvaluator;
import dev.prenoise.search.PathPoint;
import dev.prenoise.search.Proposal;
import dev.prenoise.search.Ranking;
import dev.prenoise.search.Spend;
import java.util.List;

/** Pictures drawn and judged here and by peers. Walks between levels are done here: each step of them needs the one before. */
final class SpreadPictures implements PathEvaluator {
    private final PathEvaluator here;
    private final SpreadEvaluator spread;

    /**
     * @param spread of the same evaluator
     */
    SpreadPictures(PathEvaluator here, SpreadEvaluator spread) {
        this.here = here;
        this.spread = spread;
    }

    @Override
    public int maxBatch() {
        return here.maxBatch();
    }

    @Override
    public boolean lowerIsBetter() {
        return here.lowerIsBetter();
    }

    @Override
    public boolean differentiable() {
        return here.differentiable();
    }

    @Override
    public Spend cost() {
        return here.cost();
    }

    @Override
    public Spend gradientCost() {
        return here.gradientCost();
    }

    @Override
    public Ranking ranking() {
        return here.ranking();
    }

    @Override
    public int ahead() {
        return spread.ahead();
    }

    @Override
    public List<Evaluation> evaluateProposals(List<Proposal> proposals, List<Proposal> following) {
        return spread.evaluateProposals(proposals, following);
    }

    @Override
    public List<Evaluation> evaluate(List<Noise> noises) {
        return here.evaluate(noises);
    }

    @Override
    public List<Evaluation> evaluateSeeded(List<SeededNoise> noises) {
        return here.evaluateSeeded(noises);
    }

    @Override
    public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
        return here.evaluateWithGradient(noises);
    }

    @Override
    public List<Evaluation> evaluateSeededWithGradient(List<SeededNoise> noises) {
        return here.evaluateSeededWithGradient(noises);
    }

    @Override
    public List<Double> levels() {
        return here.levels();
    }

    @Override
    public Spend callCost() {
        return here.callCost();
    }

    @Override
    public int backCalls() {
        return here.backCalls();
    }

    @Override
    public List<PathPoint> walk(List<PathPoint> points, int level) {
        return here.walk(points, level);
    }

    @Override
    public List<PathPoint> addNoise(List<PathPoint> points, int level, List<Long> seeds) {
        return here.addNoise(points, level, seeds);
    }

    @Override
    public List<Evaluation> look(List<PathPoint> points) {
        return here.look(points);
    }

    @Override
    public List<Noise> back(List<PathPoint> points) {
        return here.back(points);
    }
}
