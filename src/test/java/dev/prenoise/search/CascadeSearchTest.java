package dev.prenoise.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.NoiseStep;
import dev.prenoise.search.Fakes.Loss;
import dev.prenoise.search.Fakes.Observer;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class CascadeSearchTest {
    private static final int CALLS = new FakePictures().steps;

    private final SeededCandidates source = SeededCandidates.of(3, NoiseSource.TORCH_CPU, new long[] {1, 2, 2, 4});

    @Test
    void search_random_scoresTheBestOfTheScreenedInOrder() {
        Observer observer = new Observer();
        Outcome outcome = new CascadeSearch(new Loss(), 5, new BestOfN())
                .search(source, new FakePictures(), budget(20, 1000), observer);
        List<Integer> best = IntStream.rangeClosed(1, 20)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> new Loss().smooth(source.draw(i))))
                .limit(5)
                .toList();
        assertThat(observer.scored).hasSize(6);
        for (int k = 0; k < 5; k++) {
            assertThat(observer.scored.get(k + 1).recipe()).isEqualTo(source.recipe(best.get(k)));
        }
        assertThat(outcome.spent().lossEvaluations()).isEqualTo(20);
        assertThat(outcome.spent().functionEvaluations()).isEqualTo(20 * 2 + 6 * CALLS);
        assertThat(outcome.stopReason()).isEqualTo(StopReason.BUDGET);
    }

    @Test
    void search_anyBudgets_bothKeptExactly() {
        for (int losses : List.of(0, 1, 2, 7, 30)) {
            for (int nfe = 1; nfe <= 20 * CALLS; nfe += 5) {
                for (SearchAlgorithm inner :
                        List.of(new BestOfN(), new ZeroOrderSearch(), new PathsSearch(), new FirstOrderSearch())) {
                    Loss screen = Loss.batched(3);
                    FakePictures pictures = FakePictures.batched(2);
                    Outcome outcome = new CascadeSearch(screen, 4, inner)
                            .search(source, pictures, budget(losses, nfe), new Observer());
                    assertThat(screen.evaluations()).isLessThanOrEqualTo(losses == 0 ? CascadeSearch.SCREENED : losses);
                    assertThat(outcome.spent().lossEvaluations()).isEqualTo(screen.evaluations());
                    assertThat(outcome.spent().functionEvaluations())
                            .isEqualTo(pictures.functionEvaluations + 2 * screen.evaluations())
                            .isLessThanOrEqualTo(nfe);
                }
            }
        }
    }

    @Test
    void search_noLimitOnLosses_screens64() {
        Loss screen = Loss.batched(8);
        new CascadeSearch(screen, 2, new BestOfN()).search(source, new FakePictures(), budget(0, 1000), new Observer());
        assertThat(screen.evaluations()).isEqualTo(64);
    }

    @Test
    void search_fewFunctionEvaluations_keepsFewerOfMore() {
        Loss screen = new Loss();
        Observer observer = new Observer();
        // candidate 0, then 30: five pictures would leave nothing to screen by, four 3 draws, three 6
        new CascadeSearch(screen, 8, new BestOfN()).search(source, new FakePictures(), budget(0, 6 * CALLS), observer);
        assertThat(observer.scored).hasSize(4);
        assertThat(screen.evaluations()).isEqualTo(6);
    }

    @Test
    void search_zeroOrder_beginsAtTheBestOfTheKept() {
        Observer observer = new Observer();
        new CascadeSearch(new Loss(), 4, new ZeroOrderSearch())
                .search(source, new FakePictures(), budget(20, 300), observer);
        Candidate best = observer.scored.subList(0, 5).stream()
                .max(Comparator.comparingDouble(Candidate::score))
                .orElseThrow();
        assertThat(observer.scored.get(5).recipe().seed())
                .isEqualTo(best.recipe().seed());
        assertThat(observer.scored.get(5).recipe().steps()).hasSize(1);
        assertThat(observer.scored.subList(1, 5))
                .allMatch(candidate -> candidate.recipe().steps().isEmpty());
    }

    @Test
    void search_pathsAndFirstOrder_startFromTheKeptInOrder() {
        Observer random = new Observer();
        new CascadeSearch(new Loss(), 4, new BestOfN()).search(source, new FakePictures(), budget(20, 300), random);
        List<Long> kept = random.scored.stream()
                .skip(1)
                .map(candidate -> candidate.recipe().seed())
                .toList();
        for (SearchAlgorithm inner : List.of(
                new PathsSearch(new PathsParameters(1, 2, 0.11, 0.81, 0.78)),
                new FirstOrderSearch(new FirstOrderParameters(30, 0)))) {
            Observer observer = new Observer();
            new CascadeSearch(new Loss(), 4, inner).search(source, new FakePictures(), budget(20, 800), observer);
            assertThat(observer.scored.stream()
                            .skip(1)
                            .map(candidate -> candidate.recipe().seed())
                            .distinct()
                            .limit(4))
                    .isEqualTo(kept);
        }
    }

    @Test
    void search_resumedAfterEachCandidate_equalsUndisturbed() {
        Budget budget = budget(20, 300);
        Observer undisturbed = new Observer();
        Outcome expected =
                new CascadeSearch(new Loss(), 6, new BestOfN()).search(source, new FakePictures(), budget, undisturbed);
        for (int done = 0; done <= undisturbed.scored.size(); done++) {
            Observer resumed = Observer.resuming(undisturbed.scored.subList(0, done));
            FakePictures pictures = new FakePictures();
            Outcome outcome = new CascadeSearch(new Loss(), 6, new BestOfN()).search(source, pictures, budget, resumed);
            assertThat(resumed.scored).isEqualTo(undisturbed.scored);
            assertThat(outcome).isEqualTo(expected);
            assertThat(pictures.functionEvaluations).isEqualTo((undisturbed.scored.size() - done) * CALLS);
        }
    }

    @Test
    void search_screening_isProgressAndNoCandidate() {
        Observer observer = new Observer();
        new CascadeSearch(new Loss(), 3, new BestOfN()).search(source, new FakePictures(), budget(10, 300), observer);
        assertThat(observer.stages).hasSize(10).allMatch(stage -> stage.startsWith("screening"));
        assertThat(observer.scored).hasSize(4);
    }

    @Test
    void search_wallTime_isSharedByScreeningAndBothStages() {
        Loss screen = new Loss();
        FakePictures pictures = new FakePictures();
        Observer observer = new Observer();
        // a second for each denoiser call, as many as a picture's for each loss
        Budget wall = new Budget(1000, 0, Duration.ofSeconds(600), false);
        new CascadeSearch(
                        screen,
                        2,
                        new ZeroOrderThenPathsSearch(),
                        PlateauRule.DEFAULT,
                        () -> (pictures.functionEvaluations + (long) CALLS * screen.evaluations()) * 1_000_000_000L)
                .search(source, pictures, wall, observer);
        assertThat(screen.evaluations()).isBetween(45, 50);
        long turned = made(NoiseStep.Perturbation.class, observer);
        long walked = made(NoiseStep.Optimization.class, observer);
        assertThat((turned + 2) * CALLS).isBetween(140L, 160L);
        assertThat(walked).isBetween(2L, 8L);
    }

    private static long made(Class<? extends NoiseStep> last, Observer observer) {
        return observer.scored.stream()
                .map(candidate -> candidate.recipe().steps())
                .filter(steps -> !steps.isEmpty() && last.isInstance(steps.get(steps.size() - 1)))
                .count();
    }

    @Test
    void search_unfitInner_rejected() {
        assertThatThrownBy(() -> new CascadeSearch(new Loss(), 3, new InitNoSearch()))
                .hasMessageStartingWith("inner: initno (expected: ");
        assertThatThrownBy(() -> new CascadeSearch(new Loss(), 0, new BestOfN()))
                .hasMessage("keep: 0 (expected: >= 1)");
    }

    private static Budget budget(int lossEvaluations, int functionEvaluations) {
        return new Budget(lossEvaluations, functionEvaluations, Duration.ZERO, false);
    }
}
