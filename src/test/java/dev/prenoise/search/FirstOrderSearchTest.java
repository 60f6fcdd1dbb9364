package dev.prenoise.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipes;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.NoiseStep.Optimization;
import dev.prenoise.search.Fakes.Observer;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class FirstOrderSearchTest {
    private final SeededCandidates source = SeededCandidates.of(3, NoiseSource.TORCH_CPU, new long[] {1, 4, 8, 8});

    @Test
    void search_steps_turnByTheAngleAndKeepTheNorm() {
        Observer observer = new Observer();
        new FirstOrderSearch().search(source, new FakePictures(), gradients(8), observer);
        Noise from = source.draw(0);
        for (Candidate moved : observer.scored.subList(1, 6)) {
            Noise to = moved.noise();
            assertThat(to).isNotNull();
            assertThat(dot(to, to) / dot(from, from)).isCloseTo(1, within(1e-6));
            assertThat(dot(from, to) / dot(from, from)).isCloseTo(1 / Math.hypot(1, 0.1), within(1e-6));
            assertThat(moved.recipe().steps()).containsExactly(new Optimization("first-order", moved.index()));
            from = to;
        }
    }

    @Test
    void search_climb_risesWithEveryStepAtFirst() {
        for (boolean loss : new boolean[] {false, true}) {
            FakePictures pictures = new FakePictures();
            pictures.lowerIsBetter = loss;
            Observer observer = new Observer();
            new FirstOrderSearch().search(source, pictures, gradients(6), observer);
            assertThat(observer.best).containsOnly(true);
            assertThat(observer.scored).hasSize(6);
        }
    }

    @Test
    void search_sameBudget_climbsHigherThanRandomDraws() {
        Budget budget = gradients(20);
        double climbed = best(new FirstOrderSearch().search(source, new FakePictures(), budget, new Observer()));
        double drawn = best(new BestOfN().search(source, new FakePictures(), budget, new Observer()));
        assertThat(climbed).isGreaterThan(drawn);
    }

    /** A screening that the clock cut elsewhere picks other draws: what is on record stays what it is. */
    @Test
    void resumed_withOtherDraws_climbsOnFromTheRecordedOne() {
        FirstOrderSearch search = new FirstOrderSearch(new FirstOrderParameters(30, 1));
        Observer before = new Observer();
        search.search(source, new FakePictures(), gradients(12), before);
        Candidate draw = before.scored.stream()
                .filter(candidate ->
                        candidate.index() > 0 && candidate.recipe().steps().isEmpty())
                .findFirst()
                .orElseThrow();
        Observer after = new Observer();
        before.scored
                .subList(0, draw.index() + 1)
                .forEach(candidate -> after.recorded.put(candidate.index(), candidate));

        SeededCandidates others = SeededCandidates.of(4, NoiseSource.TORCH_CPU, new long[] {1, 4, 8, 8});
        search.search(others, new FakePictures(), gradients(12), after);

        Candidate step = after.scored.get(draw.index() + 1);
        assertThat(step.recipe().seed()).isEqualTo(draw.recipe().seed());
        Noise from = NoiseRecipes.replay(draw.recipe());
        assertThat(dot(from, Proposal.noise(step)) / dot(from, from)).isCloseTo(1 / Math.hypot(1, 30), within(1e-6));
    }

    @Test
    void search_stepTooLong_isHalvedAndThenTheNextDrawBegins() {
        Observer observer = new Observer();
        new FirstOrderSearch(new FirstOrderParameters(30, 1))
                .search(source, new FakePictures(), gradients(30), observer);
        long climbs = observer.scored.stream()
                .filter(candidate -> candidate.recipe().steps().isEmpty())
                .count();
        assertThat(climbs).isGreaterThan(3);
        observer.scored.stream()
                .filter(candidate -> !candidate.recipe().steps().isEmpty())
                .forEach(candidate ->
                        assertThat(dot(candidate.noise(), candidate.noise())).isPositive());
    }

    @Test
    void search_lastEvaluations_payForNoGradient() {
        FakePictures pictures = new FakePictures();
        Observer observer = new Observer();
        // two gradients and three draws
        Outcome outcome = new FirstOrderSearch()
                .search(source, pictures, new Budget(0, (2 * 4 + 3) * 6, Duration.ZERO, false), observer);
        assertThat(pictures.gradients).isEqualTo(2);
        assertThat(observer.scored).hasSize(5);
        assertThat(outcome.spent().functionEvaluations()).isEqualTo(66);
    }

    @Test
    void search_resumed_computesOneGradientAgainUncounted() {
        Observer undisturbed = new Observer();
        new FirstOrderSearch().search(source, new FakePictures(), gradients(6), undisturbed);
        FakePictures pictures = new FakePictures();
        Outcome outcome = new FirstOrderSearch()
                .search(source, pictures, gradients(6), Observer.resuming(undisturbed.scored.subList(0, 4)));
        assertThat(pictures.gradients).isEqualTo(3);
        assertThat(outcome.spent().functionEvaluations()).isEqualTo(6 * 24);
    }

    @Test
    void search_noGradient_rejected() {
        FakePictures pictures = new FakePictures();
        pictures.differentiable = false;
        assertThatThrownBy(() -> new FirstOrderSearch().search(source, pictures, gradients(3), new Observer()))
                .hasMessageEndingWith("(expected: one with a gradient)");
    }

    @Test
    void parameters_outOfRange_rejectedByName() {
        assertThatThrownBy(() -> new FirstOrderParameters(0, 1)).hasMessage("step_size: 0.0 (expected: > 0)");
        assertThatThrownBy(() -> new FirstOrderParameters(1, -1)).hasMessage("halvings: -1 (expected: >= 0)");
    }

    private static double best(Outcome outcome) {
        return outcome.ranked().get(0).score();
    }

    private static Budget gradients(int count) {
        return new Budget(0, count * 24, Duration.ZERO, false);
    }

    private static double dot(Noise a, Noise b) {
        double sum = 0;
        for (int i = 0; i < a.data().length; i++) {
            sum += (double) a.data()[i] * b.data()[i];
        }
        return sum;
    }
}
