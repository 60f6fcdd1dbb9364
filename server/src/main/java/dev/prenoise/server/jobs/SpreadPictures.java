package dev.prenoise.server.jobs;

import dev.prenoise.noise.Noise;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.PathEvaluator;
import dev.prenoise.search.PathPoint;
import dev.prenoise.search.Proposal;
import dev.prenoise.search.Spend;
import java.util.List;

/**
 * Pictures drawn and judged here and by peers. Walks between levels are done here: each step of them needs the one before.
 *
 * @param spread of the same evaluator
 */
record SpreadPictures(PathEvaluator here, SpreadEvaluator spread) implements ForwardingEvaluator, PathEvaluator {
    @Override
    public int ahead() {
        return spread.ahead();
    }

    @Override
    public List<Evaluation> evaluateProposals(List<Proposal> proposals, List<Proposal> following) {
        return spread.evaluateProposals(proposals, following);
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
