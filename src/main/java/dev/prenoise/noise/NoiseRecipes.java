package dev.prenoise.noise;

import dev.prenoise.noise.NoiseStep.Optimization;
import dev.prenoise.noise.NoiseStep.Perturbation;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;

/** Makes the noise of a recipe again, the same bits on every machine. Stateless: any number of threads. */
public final class NoiseRecipes {
    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

    private NoiseRecipes() {}

    /**
     * Checks a recipe that came from outside, before any work. What {@link #replay(NoiseRecipe)} can only find out by drawing is not
     * checked here.
     *
     * @param maxValues the most values that the shape may have
     * @throws IllegalArgumentException whose message starts with the field, such as {@code shape[1]: 0 (expected: >= 1)}
     */
    public static void validate(NoiseRecipe recipe, long maxValues) {
        validateShape(recipe.shape(), maxValues);
        List<NoiseStep> steps = recipe.steps();
        for (int i = 0; i < steps.size(); i++) {
            validateStep("steps[" + i + "]", steps.get(i));
        }
        String baseSha256 = recipe.baseSha256();
        if (baseSha256 != null && !SHA256.matcher(baseSha256).matches()) {
            throw new IllegalArgumentException(
                    "base_sha256: \"" + baseSha256 + "\" (expected: 64 lower-case hexadecimal digits)");
        }
    }

    /**
     * @throws NotReplayableException when one of the steps is an {@link Optimization}
     * @throws IllegalArgumentException when the recipe is not valid, starts from a caller's tensor, or turns a noise towards itself
     */
    public static Noise replay(NoiseRecipe recipe) {
        requireReplayable(recipe);
        if (recipe.baseSha256() != null) {
            throw new IllegalArgumentException("base_sha256: " + recipe.baseSha256()
                    + " (expected: none, or the tensor it names given along with the recipe)");
        }
        long[] shape = shapeOf(recipe);
        return applySteps(recipe, NoiseGenerator.generate(recipe.source(), recipe.seed(), shape));
    }

    /**
     * @param base the tensor that {@code base_sha256} names
     * @throws NotReplayableException when one of the steps is an {@link Optimization}
     * @throws IllegalArgumentException when the recipe is not valid, starts from a seed, or was made from another tensor
     */
    public static Noise replay(NoiseRecipe recipe, Noise base) {
        requireReplayable(recipe);
        String expected = recipe.baseSha256();
        String actual = base.sha256();
        if (!actual.equals(expected)) {
            throw new IllegalArgumentException("base_sha256: " + (expected == null ? "none" : expected) + " (expected: "
                    + actual + ", that of the tensor given)");
        }
        if (!Arrays.equals(shapeOf(recipe), base.shape())) {
            throw new IllegalArgumentException(
                    "shape: " + recipe.shape() + " (expected: that of the tensor given, " + base + ")");
        }
        return applySteps(recipe, base);
    }

    private static void validateShape(List<Long> shape, long maxValues) {
        if (shape.isEmpty()) {
            throw new IllegalArgumentException("shape: [] (expected: at least one dimension)");
        }
        long size = 1;
        for (int i = 0; i < shape.size(); i++) {
            long dimension = shape.get(i);
            if (dimension < 1) {
                throw new IllegalArgumentException("shape[" + i + "]: " + dimension + " (expected: >= 1)");
            }
            if (dimension > maxValues / size) {
                throw new IllegalArgumentException("shape: " + shape + " (expected: at most " + maxValues + " values)");
            }
            size *= dimension;
        }
    }

    private static void validateStep(String field, NoiseStep step) {
        if (step instanceof Perturbation perturbation && !Double.isFinite(perturbation.stepSize())) {
            throw new IllegalArgumentException(
                    field + ".perturbation.step_size: " + perturbation.stepSize() + " (expected: a finite number)");
        }
        if (step instanceof Optimization optimization && optimization.lossEvaluations() < 0) {
            throw new IllegalArgumentException(
                    field + ".optimization.loss_evaluations: " + optimization.lossEvaluations() + " (expected: >= 0)");
        }
    }

    private static void requireReplayable(NoiseRecipe recipe) {
        validate(recipe, Integer.MAX_VALUE);
        List<NoiseStep> steps = recipe.steps();
        for (int i = 0; i < steps.size(); i++) {
            if (steps.get(i) instanceof Optimization optimization) {
                throw new NotReplayableException(i, optimization);
            }
        }
    }

    private static Noise applySteps(NoiseRecipe recipe, Noise start) {
        Noise noise = start;
        List<NoiseStep> steps = recipe.steps();
        for (int i = 0; i < steps.size(); i++) {
            noise = perturb("steps[" + i + "].perturbation", noise, (Perturbation) steps.get(i));
        }
        return noise;
    }

    private static Noise perturb(String field, Noise noise, Perturbation step) {
        Noise turned = Turn.perturbed(noise, step);
        if (turned == null) {
            throw new IllegalArgumentException(field + ".seed: " + Long.toUnsignedString(step.seed())
                    + " (expected: a direction across a noise of finite, positive length)");
        }
        return turned;
    }

    private static long[] shapeOf(NoiseRecipe recipe) {
        return recipe.shape().stream().mapToLong(Long::longValue).toArray();
    }
}
