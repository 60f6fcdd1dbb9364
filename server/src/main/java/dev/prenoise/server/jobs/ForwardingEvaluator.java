package dev.prenoise.server.jobs;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.Ranking;
import dev.prenoise.search.Spend;
import java.util.List;

/** Does as another evaluator does, but for proposals. */
interface ForwardingEvaluator extends Evaluator {
    /** The other one. */
    Evaluator here();

    @Override
    default int maxBatch() {
        return here().maxBatch();
    }

    @Override
    default boolean lowerIsBetter() {
        return here().lowerIsBetter();
    }

    @Override
    default boolean differentiable() {
        return here().differentiable();
    }

    @Override
    default Spend cost() {
        return here().cost();
    }

    @Override
    default Spend gradientCost() {
        return here().gradientCost();
    }

    @Override
    default Ranking ranking() {
        return here().ranking();
    }

    @Override
    default List<Evaluation> evaluate(List<Noise> noises) {
        return here().evaluate(noises);
    }

    @Override
    default List<Evaluation> evaluateSeeded(List<SeededNoise> noises) {
        return here().evaluateSeeded(noises);
    }

    @Override
    default List<Evaluation> evaluateWithGradient(List<Noise> noises) {
        return here().evaluateWithGradient(noises);
    }

    @Override
    default List<Evaluation> evaluateSeededWithGradient(List<SeededNoise> noises) {
        return here().evaluateSeededWithGradient(noises);
    }
}
