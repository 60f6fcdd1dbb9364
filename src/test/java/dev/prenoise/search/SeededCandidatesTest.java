package dev.prenoise.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.NoiseRecipes;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.Seeds;
import dev.prenoise.noise.Together;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SeededCandidatesTest {
    private static final long SEED = 42 + (1L << 40);
    private static final long[] SHAPE = {1, 4, 8, 9};

    @ParameterizedTest
    @EnumSource
    void draw_zero_isTheHostsOwnNoise(NoiseSource source) {
        SeededCandidates candidates = SeededCandidates.of(SEED, source, SHAPE);
        assertThat(candidates.recipe(0)).isEqualTo(NoiseRecipe.of(SEED, source, List.of(1L, 4L, 8L, 9L)));
        assertThat(candidates.draw(0)).isEqualTo(NoiseGenerator.generate(source, SEED, SHAPE));
    }

    @ParameterizedTest
    @EnumSource
    void draw_any_isWhatItsRecipeReplays(NoiseSource source) {
        SeededCandidates candidates = SeededCandidates.of(SEED, source, SHAPE);
        for (int index = 0; index < 20; index++) {
            assertThat(candidates.draw(index)).isEqualTo(NoiseRecipes.replay(candidates.recipe(index)));
        }
    }

    @Test
    void recipe_afterZero_isAPlainSeed() {
        assertThat(SeededCandidates.of(SEED, NoiseSource.TORCH_CPU, SHAPE).recipe(3))
                .isEqualTo(NoiseRecipe.of(Seeds.candidate(SEED, 3), NoiseSource.TORCH_CPU, List.of(1L, 4L, 8L, 9L)));
    }

    @Test
    void draw_differentIndices_areDifferentNoises() {
        SeededCandidates candidates = SeededCandidates.of(SEED, NoiseSource.TORCH_CPU, SHAPE);
        assertThat(IntStream.range(0, 200).mapToObj(candidates::draw)).doesNotHaveDuplicates();
    }

    @Test
    void draw_fromEightThreadsAtOnce_givesWhatOneThreadGets() throws Exception {
        SeededCandidates candidates = SeededCandidates.of(SEED, NoiseSource.TORCH_CPU, SHAPE);
        Callable<List<Noise>> draws =
                () -> IntStream.range(0, 100).mapToObj(candidates::draw).toList();
        List<Noise> alone = draws.call();
        assertThat(Together.call(8, draws)).hasSize(8).containsOnly(alone);
    }

    @Test
    void ofBase_zero_isTheTensorItself() {
        Noise base = NoiseGenerator.generate(NoiseSource.NV_PHILOX, 7, SHAPE);
        SeededCandidates candidates = SeededCandidates.ofBase(SEED, NoiseSource.TORCH_CPU, base);
        assertThat(candidates.draw(0)).isSameAs(base);
        assertThat(candidates.recipe(0))
                .isEqualTo(new NoiseRecipe(
                        SEED, NoiseSource.TORCH_CPU, List.of(1L, 4L, 8L, 9L), List.of(), base.sha256()));
        assertThat(NoiseRecipes.replay(candidates.recipe(0), base)).isEqualTo(base);
    }

    @Test
    void ofBase_afterZero_areThoseOfTheSeed() {
        Noise base = NoiseGenerator.generate(NoiseSource.NV_PHILOX, 7, SHAPE);
        SeededCandidates based = SeededCandidates.ofBase(SEED, NoiseSource.TORCH_CPU, base);
        SeededCandidates plain = SeededCandidates.of(SEED, NoiseSource.TORCH_CPU, SHAPE);
        assertThat(based.recipe(5)).isEqualTo(plain.recipe(5));
        assertThat(based.draw(5)).isEqualTo(plain.draw(5));
    }

    @Test
    void deriveSeed_isThatOfSeeds() {
        assertThat(SeededCandidates.of(SEED, NoiseSource.TORCH_CPU, SHAPE).deriveSeed(2, 3))
                .isEqualTo(Seeds.derive(SEED, 2, 3));
    }

    @Test
    void of_shapeChangedAfterwards_doesNotMatter() {
        long[] shape = SHAPE.clone();
        SeededCandidates candidates = SeededCandidates.of(SEED, NoiseSource.TORCH_CPU, shape);
        shape[1] = 100;
        assertThat(candidates.draw(1).shape()).containsExactly(SHAPE);
    }

    @Test
    void of_emptyShape_isRejected() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SeededCandidates.of(SEED, NoiseSource.TORCH_CPU, new long[] {1, 0, 8, 8}))
                .withMessage("shape[1]: 0 (expected: >= 1)");
    }

    @Test
    void draw_negativeIndex_isRejected() {
        SeededCandidates candidates = SeededCandidates.of(SEED, NoiseSource.TORCH_CPU, SHAPE);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> candidates.draw(-1))
                .withMessage("index: -1 (expected: >= 0)");
        assertThatIllegalArgumentException().isThrownBy(() -> candidates.recipe(-1));
    }
}
