package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipes;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.BestOfN;
import dev.prenoise.search.Budget;
import dev.prenoise.search.Candidate;
import dev.prenoise.search.Outcome;
import dev.prenoise.search.PathEvaluator;
import dev.prenoise.search.PathsSearch;
import dev.prenoise.search.SearchAlgorithm;
import dev.prenoise.search.SearchObserver;
import dev.prenoise.search.SeededCandidates;
import dev.prenoise.search.Spend;
import dev.prenoise.search.ZeroOrderSearch;
import dev.prenoise.search.ZeroOrderThenPathsSearch;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Question;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Searches over pictures of the built-in model, judged by the exact oracle. */
class PictureSearchTest {
    private static final PromptSpec PROMPT = new PromptSpec("two red stars and a blue square", "", List.of());
    private static final int STEPS = 8;
    private static final int NFES = 12 * STEPS + 3;

    @TempDir
    static Path cache;

    private static ModelCatalog catalog;

    @BeforeAll
    static void open() {
        catalog = Catalogs.create(cache, List.of(), "cpu");
    }

    @AfterAll
    static void close() {
        catalog.close();
    }

    static Stream<SearchAlgorithm> searches() {
        return Stream.of(new BestOfN(), new ZeroOrderSearch(), new PathsSearch(), new ZeroOrderThenPathsSearch());
    }

    @ParameterizedTest
    @MethodSource("searches")
    void search_builtInModel_scoresWhatTheNoiseDraws(SearchAlgorithm search) {
        try (PromptSession session = catalog.open("shapes")
                        .prepare(PROMPT, new SamplingSpec("ddim", "", STEPS, 0, List.of()), 0, 0);
                Judge oracle = catalog.verifiers().open("oracle").judge(Question.of(PROMPT.text()))) {
            PathEvaluator evaluator =
                    session.pictures(new Panel(List.of(new Panel.Member("oracle", oracle, 1))), PictureOptions.plain());
            List<Candidate> scored = new ArrayList<>();
            SearchObserver observer = new SearchObserver() {
                @Override
                public void scored(Candidate candidate, boolean bestSoFar, Spend spent) {
                    assertThat(spent.functionEvaluations()).isLessThanOrEqualTo(NFES);
                    scored.add(candidate);
                }

                @Override
                public boolean stopRequested() {
                    return false;
                }
            };
            Outcome outcome = search.search(
                    SeededCandidates.of(5, NoiseSource.TORCH_CPU, session.noiseShape()),
                    evaluator,
                    new Budget(0, NFES, Duration.ZERO, false),
                    observer);
            assertThat(outcome.spent().functionEvaluations()).isBetween(NFES - STEPS + 1, NFES);
            assertThat(outcome.ranked().get(0).score())
                    .isGreaterThanOrEqualTo(outcome.baseline().score());
            for (Candidate candidate : List.of(outcome.ranked().get(0), scored.get(scored.size() - 1))) {
                Noise noise = candidate.noise() != null ? candidate.noise() : NoiseRecipes.replay(candidate.recipe());
                SeededNoise again = new SeededNoise(noise, candidate.recipe().seed());
                assertThat(evaluator.evaluateSeeded(List.of(again)).get(0).score())
                        .isEqualTo(candidate.score());
            }
        }
    }
}
