package dev.prenoise.noise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.noise.NoiseStep.Optimization;
import dev.prenoise.noise.NoiseStep.Perturbation;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class NoiseRecipesTest {
    private static final List<Long> SHAPE = List.of(1L, 4L, 16L, 16L);
    private static final long[] DIMENSIONS = {1, 4, 16, 16};

    @ParameterizedTest
    @EnumSource
    void replay_plainSeed_isTheGeneratorsNoise(NoiseSource source) {
        assertThat(NoiseRecipes.replay(NoiseRecipe.of(42, source, SHAPE)))
                .isEqualTo(NoiseGenerator.generate(source, 42, DIMENSIONS));
    }

    @ParameterizedTest
    @ValueSource(doubles = {1e-3, 0.1, 0.3287, 1, -1, 5, 1e6, 1e300, -1e-3})
    void replay_perturbation_keepsTheNormAndTurnsByTheStepSize(double stepSize) {
        Noise before = NoiseGenerator.generate(NoiseSource.NV_PHILOX, 42, DIMENSIONS);
        Noise after = NoiseRecipes.replay(perturbed(42, new Perturbation(7, stepSize)));

        assertThat(norm(after) / norm(before)).isCloseTo(1, within(1e-8));
        double cosine = dot(before, after) / (norm(before) * norm(after));
        assertThat(cosine).isCloseTo(1 / Math.hypot(1, stepSize), within(1e-8));
    }

    /** The formula at {@link Perturbation}, written out another way. */
    @Test
    void replay_perturbation_movesAlongTheProjectedDirection() {
        double stepSize = 0.5;
        Noise n = NoiseGenerator.generate(NoiseSource.NV_PHILOX, 42, DIMENSIONS);
        Noise v = NoiseGenerator.generate(NoiseSource.TORCH_CPU, 7, DIMENSIONS);
        int size = n.data().length;
        double[] u = scaled(doubles(n), 1 / norm(n));
        double alongU =
                IntStream.range(0, size).mapToDouble(i -> v.data()[i] * u[i]).sum();
        double[] w = IntStream.range(0, size)
                .mapToDouble(i -> v.data()[i] - alongU * u[i])
                .toArray();
        double[] unitW = scaled(w, 1 / norm(w));
        double[] sum = IntStream.range(0, size)
                .mapToDouble(i -> u[i] + stepSize * unitW[i])
                .toArray();
        double[] expected = scaled(sum, norm(n) / norm(sum));

        assertThat(doubles(NoiseRecipes.replay(perturbed(42, new Perturbation(7, stepSize)))))
                .containsExactly(expected, within(1e-6));
    }

    /** Frozen: stored recipes replay to these bits. */
    @Test
    void replay_perturbations_frozenBits() {
        NoiseRecipe recipe = new NoiseRecipe(
                42,
                NoiseSource.TORCH_CPU,
                SHAPE,
                List.of(new Perturbation(7, 0.3287), new Perturbation(-1, -2.5)),
                null);
        assertThat(NoiseRecipes.replay(recipe).sha256())
                .isEqualTo("f32532dedeaee13764d899a3e8d4c2310b69a020d44097888db9bb085867a71e");
    }

    @Test
    void replay_stepSizeZero_leavesEveryBit() {
        assertThat(NoiseRecipes.replay(perturbed(42, new Perturbation(7, 0))))
                .isEqualTo(NoiseGenerator.generate(NoiseSource.NV_PHILOX, 42, DIMENSIONS));
    }

    @Test
    void replay_severalSteps_applyInOrder() {
        Perturbation first = new Perturbation(1, 0.5);
        Perturbation second = new Perturbation(2, 0.7);
        Noise afterFirst = NoiseRecipes.replay(perturbed(42, first));
        NoiseRecipe secondAlone =
                new NoiseRecipe(42, NoiseSource.NV_PHILOX, SHAPE, List.of(second), afterFirst.sha256());

        Noise both = NoiseRecipes.replay(perturbed(42, first, second));
        assertThat(both).isEqualTo(NoiseRecipes.replay(secondAlone, afterFirst));
        assertThat(both).isNotEqualTo(NoiseRecipes.replay(perturbed(42, second, first)));
    }

    @Test
    void replay_fromEightThreadsAtOnce_everyoneGetsTheSameBits() throws Exception {
        NoiseRecipe recipe = perturbed(42, new Perturbation(1, 0.5), new Perturbation(2, 0.7));
        Noise alone = NoiseRecipes.replay(recipe);
        assertThat(Together.call(8, () -> NoiseRecipes.replay(recipe)))
                .hasSize(8)
                .containsOnly(alone);
    }

    @Test
    void replay_base_startsFromItsBits() {
        Noise base = Noise.of(
                DIMENSIONS,
                NoiseGenerator.generate(NoiseSource.TORCH_CPU, 99, DIMENSIONS).data());
        NoiseRecipe recipe = new NoiseRecipe(42, NoiseSource.TORCH_CPU, SHAPE, List.of(), base.sha256());
        assertThat(NoiseRecipes.replay(recipe, base)).isEqualTo(base);
    }

    @Test
    void replay_baseOfOtherBits_isRejected() {
        Noise base = NoiseGenerator.generate(NoiseSource.TORCH_CPU, 99, DIMENSIONS);
        String other = "0".repeat(64);
        assertThatIllegalArgumentException()
                .isThrownBy(() ->
                        NoiseRecipes.replay(new NoiseRecipe(42, NoiseSource.TORCH_CPU, SHAPE, List.of(), other), base))
                .withMessage("base_sha256: " + other + " (expected: " + base.sha256() + ", that of the tensor given)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> NoiseRecipes.replay(NoiseRecipe.of(42, NoiseSource.TORCH_CPU, SHAPE), base))
                .withMessageStartingWith("base_sha256: none (expected: " + base.sha256());
    }

    @Test
    void replay_baseOfOtherShape_isRejected() {
        Noise base = NoiseGenerator.generate(NoiseSource.TORCH_CPU, 99, new long[] {1, 4, 8, 32});
        assertThatIllegalArgumentException()
                .isThrownBy(() -> NoiseRecipes.replay(
                        new NoiseRecipe(42, NoiseSource.TORCH_CPU, SHAPE, List.of(), base.sha256()), base))
                .withMessage("shape: [1, 4, 16, 16] (expected: that of the tensor given, Noise[1, 4, 8, 32])");
    }

    @Test
    void replay_baseNotGiven_isRejected() {
        NoiseRecipe recipe = new NoiseRecipe(42, NoiseSource.TORCH_CPU, SHAPE, List.of(), "a".repeat(64));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> NoiseRecipes.replay(recipe))
                .withMessageStartingWith("base_sha256: aaaa");
    }

    @Test
    void replay_optimization_saysThatTheNoiseTravels() {
        NoiseRecipe recipe = perturbed(42, new Perturbation(1, 0.5), new Optimization("initno", 10));
        assertThatExceptionOfType(NotReplayableException.class)
                .isThrownBy(() -> NoiseRecipes.replay(recipe))
                .withMessage("steps[1].optimization: initno (expected: steps that replay from seeds;"
                        + " the noise of this recipe travels with its candidate)");
    }

    @Test
    void replay_directionAlongTheNoise_isRejected() {
        NoiseRecipe sameSeed =
                new NoiseRecipe(42, NoiseSource.TORCH_CPU, SHAPE, List.of(new Perturbation(42, 0.5)), null);
        NoiseRecipe oneValue =
                new NoiseRecipe(42, NoiseSource.TORCH_CPU, List.of(1L), List.of(new Perturbation(-1, 0.5)), null);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> NoiseRecipes.replay(sameSeed))
                .withMessage("steps[0].perturbation.seed: 42"
                        + " (expected: a direction across a noise of finite, positive length)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> NoiseRecipes.replay(oneValue))
                .withMessageStartingWith("steps[0].perturbation.seed: 18446744073709551615 ");
    }

    @Test
    void replay_baseOfZeros_cannotBeTurned() {
        Noise zeros = Noise.of(DIMENSIONS, new float[1024]);
        NoiseRecipe recipe =
                new NoiseRecipe(42, NoiseSource.TORCH_CPU, SHAPE, List.of(new Perturbation(1, 0.5)), zeros.sha256());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> NoiseRecipes.replay(recipe, zeros))
                .withMessageStartingWith("steps[0].perturbation.seed: 1 ");
    }

    @Test
    void validate_shape_namesTheField() {
        assertInvalid(plain(), "shape: [] (expected: at least one dimension)");
        assertInvalid(plain(1L, 0L, 8L), "shape[1]: 0 (expected: >= 1)");
        assertInvalid(plain(1L, 4L, -8L), "shape[2]: -8 (expected: >= 1)");
        assertInvalid(plain(1L, 4L, 16L, 17L), "shape: [1, 4, 16, 17] (expected: at most 1024 values)");
        assertInvalid(
                plain(1L << 40, 1L << 40), "shape: [1099511627776, 1099511627776] (expected: at most 1024 values)");
        NoiseRecipes.validate(plain(1L, 4L, 16L, 16L), 1024);
    }

    @ParameterizedTest
    @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
    void validate_stepSizeNotFinite_namesTheField(double stepSize) {
        assertInvalid(
                perturbed(42, new Perturbation(1, 0.5), new Perturbation(2, stepSize)),
                "steps[1].perturbation.step_size: " + stepSize + " (expected: a finite number)");
    }

    @Test
    void validate_lossEvaluationsNegative_namesTheField() {
        assertInvalid(
                perturbed(42, new Optimization("initno", -1)),
                "steps[0].optimization.loss_evaluations: -1 (expected: >= 0)");
    }

    @Test
    void validate_digestMalformed_namesTheField() {
        assertInvalid(
                new NoiseRecipe(42, NoiseSource.TORCH_CPU, SHAPE, List.of(), "ABC"),
                "base_sha256: \"ABC\" (expected: 64 lower-case hexadecimal digits)");
    }

    private static void assertInvalid(NoiseRecipe recipe, String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> NoiseRecipes.validate(recipe, 1024))
                .withMessage(message);
    }

    private static NoiseRecipe plain(Long... shape) {
        return NoiseRecipe.of(42, NoiseSource.TORCH_CPU, List.of(shape));
    }

    private static NoiseRecipe perturbed(long seed, NoiseStep... steps) {
        return new NoiseRecipe(seed, NoiseSource.NV_PHILOX, SHAPE, List.of(steps), null);
    }

    private static double dot(Noise a, Noise b) {
        return IntStream.range(0, a.data().length)
                .mapToDouble(i -> (double) a.data()[i] * b.data()[i])
                .sum();
    }

    private static double norm(Noise noise) {
        return Math.sqrt(dot(noise, noise));
    }

    private static double norm(double[] values) {
        return Math.sqrt(Arrays.stream(values).map(x -> x * x).sum());
    }

    private static double[] doubles(Noise noise) {
        return IntStream.range(0, noise.data().length)
                .mapToDouble(i -> noise.data()[i])
                .toArray();
    }

    private static double[] scaled(double[] values, double factor) {
        return Arrays.stream(values).map(x -> x * factor).toArray();
    }
}
