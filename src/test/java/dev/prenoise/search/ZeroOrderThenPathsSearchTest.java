package dev.prenoise.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.NoiseStep;
import dev.prenoise.noise.NoiseStep.Optimization;
import dev.prenoise.search.Fakes.Observer;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ZeroOrderThenPathsSearchTest {
    private final SeededCandidates source = SeededCandidates.of(3, NoiseSource.TORCH_CPU, new long[] {1, 4, 4, 4});

    @Test
    void search_halfOfTheBudget_goesToEach() {
        Observer observer = new Observer();
        new ZeroOrderThenPathsSearch().search(source, new FakePictures(), nfes(61 * 6), observer);
        Observer zeroOrder = new Observer();
        new ZeroOrderSearch().search(source, new FakePictures(), nfes(31 * 6), zeroOrder);
        assertThat(observer.scored.subList(0, 31)).isEqualTo(zeroOrder.scored);
        assertThat(made("paths", observer.scored.get(31))).isTrue();
    }

    @Test
    void search_paths_startFromTheBestThatZeroOrderSearchFound() {
        Observer observer = new Observer();
        new ZeroOrderThenPathsSearch(ZeroOrderParameters.DEFAULT, new PathsParameters(1, 2, 0.11, 0.81, 0.78))
                .search(source, new FakePictures(), nfes(61 * 6), observer);
        List<Candidate> paths = observer.scored.stream()
                .filter(candidate -> made("paths", candidate))
                .toList();
        List<Candidate> found = observer.scored.stream()
                .filter(candidate -> !made("paths", candidate))
                .sorted(Comparator.comparingDouble(Candidate::score).reversed())
                .toList();
        assertThat(paths).hasSizeGreaterThan(2);
        for (int pass = 0; pass < 3; pass++) {
            List<NoiseStep> steps = paths.get(pass).recipe().steps();
            assertThat(steps.subList(0, steps.size() - 1))
                    .isEqualTo(found.get(pass).recipe().steps());
        }
    }

    @Test
    void search_halfPaysForNoPass_zeroOrderSearchHasEverything() {
        Observer observer = new Observer();
        new ZeroOrderThenPathsSearch().search(source, new FakePictures(), nfes(5 * 6), observer);
        Observer zeroOrder = new Observer();
        new ZeroOrderSearch().search(source, new FakePictures(), nfes(5 * 6), zeroOrder);
        assertThat(observer.scored).isEqualTo(zeroOrder.scored);
    }

    @Test
    void search_resumedAfterWallTimeEndedZeroOrderSearch_goesOverToPathsWhereItDid() {
        Observer whole = new Observer();
        timed(1200, whole);
        int first = IntStream.range(0, whole.scored.size())
                .filter(i -> made("paths", whole.scored.get(i)))
                .findFirst()
                .orElseThrow();
        Observer resumed = Observer.resuming(whole.scored.subList(0, first + 1));
        timed(600, resumed);
        assertThat(resumed.scored).hasSizeGreaterThan(first + 2);
        assertThat(resumed.scored.subList(0, first + 2)).isEqualTo(whole.scored.subList(0, first + 2));
        for (Candidate candidate : resumed.scored.subList(1, resumed.scored.size())) {
            Noise noise = Proposal.noise(candidate);
            Evaluation judged = new FakePictures().evaluate(List.of(noise)).get(0);
            assertThat(candidate.score()).isCloseTo(judged.score(), within(1e-9));
        }
    }

    /** Each denoiser call takes a nanosecond. */
    private void timed(int nanos, Observer observer) {
        FakePictures pictures = new FakePictures();
        new ZeroOrderThenPathsSearch(
                        ZeroOrderParameters.DEFAULT,
                        PathsParameters.DEFAULT,
                        PlateauRule.DEFAULT,
                        () -> pictures.functionEvaluations)
                .search(source, pictures, new Budget(0, 0, Duration.ofNanos(nanos), false), observer);
    }

    private static boolean made(String algorithm, Candidate candidate) {
        return candidate.recipe().steps().stream()
                .anyMatch(step ->
                        step instanceof Optimization by && by.algorithm().equals(algorithm));
    }

    private static Budget nfes(int functionEvaluations) {
        return new Budget(0, functionEvaluations, Duration.ZERO, false);
    }
}
