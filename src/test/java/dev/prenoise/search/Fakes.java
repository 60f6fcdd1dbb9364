package dev.prenoise.search;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.NoiseSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.function.IntSupplier;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/** Small deterministic stand-ins for what a search talks to. */
final class Fakes {
    static final long[] SHAPE = {1, 2, 2, 4};
    static final PlateauRule PLATEAU = new PlateauRule(0.1);

    private Fakes() {}

    /** Normal noise from (7, index). */
    static final class Source implements CandidateSource {
        @Override
        public NoiseRecipe recipe(int index) {
            return NoiseRecipe.of(100 + index, NoiseSource.TORCH_CPU, List.of(1L, 2L, 2L, 4L));
        }

        @Override
        public Noise draw(int index) {
            SplittableRandom random = new SplittableRandom(7 + 1000L * index);
            float[] data = new float[16];
            for (int i = 0; i < data.length; i++) {
                data[i] = (float) random.nextGaussian();
            }
            return Noise.of(SHAPE, data);
        }

        @Override
        public long deriveSeed(int round, int index) {
            throw new AssertionError("not drawn from");
        }
    }

    /** A smooth loss with many valleys; its terms are named as an attention loss's. Counts what it is asked. */
    static final class Loss implements Evaluator {
        final List<Integer> batches = new ArrayList<>();

        /** Of each call: what is to follow. */
        final List<List<Proposal>> following = new ArrayList<>();

        /** What is asked for, in order. */
        final List<Proposal> asked = new ArrayList<>();

        int ahead = 0;
        IntSupplier maxBatch = () -> 1;
        Spend cost = new Spend(1, 2, 1, 1);
        boolean lowerIsBetter = true;
        boolean differentiable = true;
        double phase = 0;

        @Nullable
        Ranking ranking;

        Function<Noise, Double> score = this::smooth;

        static Loss batched(int size) {
            Loss loss = new Loss();
            loss.maxBatch = () -> size;
            return loss;
        }

        static Loss phased(double phase) {
            Loss loss = new Loss();
            loss.phase = phase;
            return loss;
        }

        int evaluations() {
            return batches.stream().mapToInt(Integer::intValue).sum();
        }

        double smooth(Noise noise) {
            double sum = 0;
            for (float value : noise.data()) {
                sum += 1 + Math.sin(2 * value + phase);
            }
            return sum / noise.data().length;
        }

        @Override
        public int maxBatch() {
            return maxBatch.getAsInt();
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
        public int ahead() {
            return ahead;
        }

        @Override
        public List<Evaluation> evaluateProposals(List<Proposal> proposals, List<Proposal> next) {
            asked.addAll(proposals);
            following.add(List.copyOf(next));
            return Evaluator.super.evaluateProposals(proposals, next);
        }

        @Override
        public Ranking ranking() {
            return ranking != null ? ranking : Ranking.byScore(lowerIsBetter);
        }

        @Override
        public List<Evaluation> evaluate(List<Noise> noises) {
            return evaluate(noises, false);
        }

        @Override
        public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
            return evaluate(noises, true);
        }

        private List<Evaluation> evaluate(List<Noise> noises, boolean gradient) {
            batches.add(noises.size());
            return noises.stream().map(noise -> evaluate(noise, gradient)).toList();
        }

        private Evaluation evaluate(Noise noise, boolean gradient) {
            double value = score.apply(noise);
            Map<String, Double> terms = Map.of("cross", value * 0.6, "self", value * 0.4);
            return new Evaluation(value, terms, gradient ? gradient(noise) : null);
        }

        /** Of the sum over all elements: of the size of an attention loss's. */
        private Noise gradient(Noise noise) {
            float[] slope = new float[noise.data().length];
            for (int i = 0; i < slope.length; i++) {
                slope[i] = (float) (2 * Math.cos(2 * noise.data()[i] + phase));
            }
            return Noise.of(noise.shape(), slope);
        }
    }

    /** Keeps what it is told; may cancel, may bring what an earlier run recorded. */
    static final class Observer implements SearchObserver {
        final List<Candidate> scored = new ArrayList<>();
        final List<Boolean> best = new ArrayList<>();
        final List<Spend> spent = new ArrayList<>();
        final List<String> stages = new ArrayList<>();
        final Map<Integer, Candidate> recorded = new HashMap<>();
        int asked;
        IntUnaryOperator stopAtQuestion = question -> 0;

        static Observer stoppingAtQuestion(int number) {
            Observer observer = new Observer();
            observer.stopAtQuestion = question -> question >= number ? 1 : 0;
            return observer;
        }

        static Observer resuming(List<Candidate> candidates) {
            Observer observer = new Observer();
            candidates.forEach(candidate -> observer.recorded.put(candidate.index(), candidate));
            return observer;
        }

        @Override
        public void scored(Candidate candidate, boolean bestSoFar, Spend total) {
            scored.add(candidate);
            best.add(bestSoFar);
            spent.add(total);
        }

        @Override
        public void progress(Spend total, double bestScore, String stage) {
            spent.add(total);
            stages.add(stage);
        }

        @Override
        public boolean stopRequested() {
            asked++;
            return stopAtQuestion.applyAsInt(asked) != 0;
        }

        @Override
        public @Nullable Candidate recorded(int index) {
            return recorded.get(index);
        }
    }

    static Budget plateauBudget(int lossEvaluations) {
        return new Budget(lossEvaluations, 0, java.time.Duration.ZERO, true);
    }

    static Candidate candidate(int index, double score) {
        return new Candidate(index, new Source().recipe(index), null, score, Map.of(), Spend.NONE);
    }
}
