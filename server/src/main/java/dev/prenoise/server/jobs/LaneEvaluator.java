package dev.prenoise.server.jobs;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.Spend;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.BooleanSupplier;

/** Takes a turn of the lane for each call. What does not compute is asked once and remembered, so that asking it needs no turn. */
final class LaneEvaluator implements Evaluator {
    private final Evaluator evaluator;
    private final Lane lane;
    private final BooleanSupplier stopped;
    private final boolean lowerIsBetter;
    private final boolean differentiable;
    private final Spend cost;

    private int maxBatch;

    /** To be made on the lane's thread. */
    LaneEvaluator(Evaluator evaluator, Lane lane, BooleanSupplier stopped) {
        this.evaluator = evaluator;
        this.lane = lane;
        this.stopped = stopped;
        lowerIsBetter = evaluator.lowerIsBetter();
        differentiable = evaluator.differentiable();
        cost = evaluator.cost();
        maxBatch = evaluator.maxBatch();
    }

    /** As of the last evaluation. */
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
        return cost;
    }

    @Override
    public List<Evaluation> evaluate(List<Noise> noises) {
        return turn(() -> evaluator.evaluate(noises));
    }

    @Override
    public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
        return turn(() -> evaluator.evaluateWithGradient(noises));
    }

    @Override
    public List<Evaluation> evaluateSeeded(List<SeededNoise> noises) {
        return turn(() -> evaluator.evaluateSeeded(noises));
    }

    @Override
    public List<Evaluation> evaluateSeededWithGradient(List<SeededNoise> noises) {
        return turn(() -> evaluator.evaluateSeededWithGradient(noises));
    }

    private List<Evaluation> turn(Callable<List<Evaluation>> work) {
        return lane.call(
                () -> {
                    List<Evaluation> evaluations = work.call();
                    maxBatch = evaluator.maxBatch();
                    return evaluations;
                },
                stopped);
    }
}
