package dev.prenoise.server.jobs;

import dev.prenoise.engine.PictureOptions;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.Spend;
import java.util.List;
import java.util.function.Supplier;

/** Takes a turn for each call. What does not compute is asked once and remembered, so that asking it needs no turn. */
final class TurnTakingEvaluator implements Evaluator {
    private final Evaluator evaluator;
    private final PictureOptions.Turns turns;
    private final boolean lowerIsBetter;
    private final boolean differentiable;
    private final Spend cost;

    private int maxBatch;

    /** To be made in a turn. */
    TurnTakingEvaluator(Evaluator evaluator, PictureOptions.Turns turns) {
        this.evaluator = evaluator;
        this.turns = turns;
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

    private List<Evaluation> turn(Supplier<List<Evaluation>> work) {
        return turns.take(() -> {
            List<Evaluation> evaluations = work.get();
            maxBatch = evaluator.maxBatch();
            return evaluations;
        });
    }
}
