package dev.prenoise.study;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.Spend;
import java.util.List;

/** A loss that several searches side by side screen the same noises by. */
final class SharedLoss implements Evaluator {
    private final SideBySide others;
    private final String name;
    private final Evaluator loss;
    private final Remembered known;

    /**
     * @param known by {@code loss}
     */
    SharedLoss(SideBySide others, String name, Evaluator loss, Remembered known) {
        this.others = others;
        this.name = name;
        this.loss = loss;
        this.known = known;
    }

    @Override
    public int maxBatch() {
        return loss.maxBatch();
    }

    @Override
    public boolean lowerIsBetter() {
        return loss.lowerIsBetter();
    }

    @Override
    public boolean differentiable() {
        return false;
    }

    @Override
    public Spend cost() {
        return loss.cost();
    }

    @Override
    public List<Evaluation> evaluate(List<Noise> noises) {
        return evaluateSeeded(SeededNoise.unseeded(noises));
    }

    @Override
    public List<Evaluation> evaluateSeeded(List<SeededNoise> noises) {
        return others.ask(name, noises, known::evaluate);
    }

    @Override
    public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
        throw new UnsupportedOperationException("gradient: of a loss that screens");
    }
}
