package dev.prenoise.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipes;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.NoiseStep;
import dev.prenoise.noise.NoiseStep.Optimization;
import dev.prenoise.noise.NoiseStep.Perturbation;
import dev.prenoise.search.Fakes.Observer;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class ZeroOrderSearchTest {
    private final SeededCandidates source = SeededCandidates.of(3, NoiseSource.TORCH_CPU, new long[] {1, 4, 8, 8});

    @Test
    void search_neighbors_standAtTheExactCosineWithThePivotsNorm() {
        for (double cosine : new double[] {0.9, 0.95, 0.999}) {
            Observer observer = new Observer();
            ZeroOrderParameters parameters = new ZeroOrderParameters(3, Math.sqrt(1 / (cosine * cosine) - 1), 0);
            new ZeroOrderSearch(parameters).search(source, new FakePictures(), draws(40), observer);
            Candidate pivot = observer.scored.get(0);
            for (int first = 1; first < 40; first += 3) {
                for (Candidate neighbor : observer.scored.subList(first, first + 3)) {
                    Noise from = NoiseRecipes.replay(pivot.recipe());
                    Noise to = NoiseRecipes.replay(neighbor.recipe());
                    assertThat(dot(from, to) / Math.sqrt(dot(from, from) * dot(to, to)))
                            .isCloseTo(cosine, within(1e-6));
                    assertThat(dot(to, to) / dot(from, from)).isCloseTo(1, within(1e-6));
                }
                for (Candidate neighbor : observer.scored.subList(first, first + 3)) {
                    pivot = neighbor.score() > pivot.score() ? neighbor : pivot;
                }
            }
        }
    }

    @Test
    void search_default_twoNeighborsAtACosineOf095() {
        assertThat(ZeroOrderParameters.DEFAULT.stepSize()).isCloseTo(0.3287, within(1e-4));
        Observer observer = new Observer();
        new ZeroOrderSearch().search(source, new FakePictures(), draws(3), observer);
        assertThat(observer.scored.get(1).recipe().steps())
                .containsExactly(new Perturbation(source.deriveSeed(1, 0), ZeroOrderParameters.DEFAULT.stepSize()));
        assertThat(observer.scored.get(2).recipe().steps())
                .containsExactly(new Perturbation(source.deriveSeed(1, 1), ZeroOrderParameters.DEFAULT.stepSize()));
    }

    @Test
    void search_roundOfNeighbors_goesInOneBatch() {
        FakePictures pictures = FakePictures.batched(8);
        new ZeroOrderSearch(new ZeroOrderParameters(4, 0.3, 0)).search(source, pictures, draws(12), new Observer());
        assertThat(pictures.batches).containsExactly(1, 4, 4, 3);
    }

    @Test
    void search_pivot_isThatOfTheBestSoFarAndNeverScoredAgain() {
        Observer observer = new Observer();
        new ZeroOrderSearch().search(source, new FakePictures(), draws(61), observer);
        Candidate pivot = observer.scored.get(0);
        for (int first = 1; first < 61; first += 2) {
            for (Candidate neighbor : observer.scored.subList(first, first + 2)) {
                List<NoiseStep> chain = neighbor.recipe().steps();
                assertThat(chain.subList(0, chain.size() - 1))
                        .isEqualTo(pivot.recipe().steps());
            }
            for (Candidate neighbor : observer.scored.subList(first, first + 2)) {
                pivot = neighbor.score() > pivot.score() ? neighbor : pivot;
            }
        }
        assertThat(observer.scored).extracting(Candidate::recipe).doesNotHaveDuplicates();
    }

    @Test
    void search_restartAfter_drawsAFreshPivotAfterSoManyFailures() {
        Observer observer = new Observer();
        // at right angles, or nearly: hardly a neighbour is better than a good pivot
        ZeroOrderParameters wide = new ZeroOrderParameters(2, 50, 2);
        new ZeroOrderSearch(wide).search(source, new FakePictures(), draws(60), observer);
        List<Candidate> plain = observer.scored.stream()
                .filter(candidate -> candidate.recipe().steps().isEmpty())
                .toList();
        assertThat(plain).hasSizeGreaterThan(3);
        for (int draw = 0; draw < plain.size(); draw++) {
            assertThat(plain.get(draw).recipe()).isEqualTo(source.recipe(draw));
        }
        Candidate second = plain.get(1);
        assertThat(observer.scored.get(second.index() + 1).recipe().seed())
                .isEqualTo(source.recipe(1).seed());
    }

    @Test
    void search_longChain_isFoldedAndItsNoiseTravels() {
        Observer observer = new Observer();
        Evaluator rising = new Rising();
        new ZeroOrderSearch(new ZeroOrderParameters(1, 0.1, 0)).search(source, rising, draws(300, 1), observer);
        assertThat(observer.scored.get(256).recipe().steps()).hasSize(256);
        assertThat(observer.scored.get(256).noise()).isNull();
        Candidate folded = observer.scored.get(257);
        assertThat(folded.recipe().steps()).containsExactly(new Optimization("zero-order", 257));
        Noise before = NoiseRecipes.replay(observer.scored.get(256).recipe());
        Noise after = folded.noise();
        assertThat(after).isNotNull();
        assertThat(dot(before, after) / dot(before, before)).isCloseTo(1 / Math.hypot(1, 0.1), within(1e-6));
        assertThat(observer.scored.get(258).recipe().steps()).hasSize(2);
        assertThat(observer.scored.get(258).noise()).isNotNull();
    }

    @Test
    void search_noiseOfZeros_rejectedByName() {
        SeededCandidates zeros =
                SeededCandidates.ofBase(1, NoiseSource.TORCH_CPU, Noise.of(new long[] {1, 1, 2, 2}, new float[4]));
        assertThatThrownBy(() -> new ZeroOrderSearch().search(zeros, new FakePictures(), draws(3), new Observer()))
                .hasMessageStartingWith("noise: ")
                .hasMessageContaining("expected: of finite, positive length");
    }

    @Test
    void parameters_outOfRange_rejectedByName() {
        assertThatThrownBy(() -> new ZeroOrderParameters(0, 0.3, 0)).hasMessage("neighbors: 0 (expected: >= 1)");
        assertThatThrownBy(() -> new ZeroOrderParameters(2, 0, 0)).hasMessage("step_size: 0.0 (expected: > 0)");
        assertThatThrownBy(() -> new ZeroOrderParameters(2, 0.3, -1)).hasMessage("restart_after: -1 (expected: >= 0)");
    }

    /** Likes whatever comes later. */
    private static final class Rising implements Evaluator {
        private int scored;

        @Override
        public int maxBatch() {
            return 1;
        }

        @Override
        public boolean lowerIsBetter() {
            return false;
        }

        @Override
        public boolean differentiable() {
            return false;
        }

        @Override
        public Spend cost() {
            return new Spend(0, 1, 1, 1);
        }

        @Override
        public List<Evaluation> evaluate(List<Noise> noises) {
            return List.of(new Evaluation(scored++, java.util.Map.of(), null));
        }

        @Override
        public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
            throw new UnsupportedOperationException();
        }
    }

    private static Budget draws(int draws) {
        return draws(draws, new FakePictures().steps);
    }

    private static Budget draws(int draws, int calls) {
        return new Budget(0, draws * calls, Duration.ZERO, false);
    }

    private static double dot(Noise a, Noise b) {
        double sum = 0;
        for (int i = 0; i < a.data().length; i++) {
            sum += (double) a.data()[i] * b.data()[i];
        }
        return sum;
    }
}
